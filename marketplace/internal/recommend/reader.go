package recommend

import (
	"context"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	lru "github.com/hashicorp/golang-lru/v2/simplelru"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	recommendationsv1 "bookstall/gen/recommendations/v1"
)

// Bounds of what is remembered of readers whose ids are texts. A number that is older is
// asked for again, and used if there is no answer: numbers do not change.
const (
	rememberedIDs = 50_000
	freshFor      = 10 * time.Minute
)

// readerIDs keeps the numbers of recent readers.
type readerIDs struct {
	mu  sync.Mutex
	lru *lru.LRU[string, foundReader]
}

type foundReader struct {
	id int64
	at time.Time
}

func newReaderIDs() *readerIDs {
	cache, err := lru.NewLRU[string, foundReader](rememberedIDs, nil)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &readerIDs{lru: cache}
}

func (r *readerIDs) of(text string) (foundReader, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lru.Get(text)
}

func (r *readerIDs) put(text string, id int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lru.Add(text, foundReader{id, time.Now()})
}

// Reader returns the number of a reader by the id that the owner of the shop has for the
// reader, 0 if nobody has that id. With add, somebody has it from then on, also a reader who
// was forgotten a moment ago through another shop. Expected errors are ErrUnavailable,
// ErrReadOnly and *FieldError.
func (c *Client) Reader(ctx context.Context, externalID string, add bool) (int64, error) {
	if !utf8.ValidString(externalID) { // which no message can carry
		return 0, fmt.Errorf("reader: %w", &FieldError{Field: "external_id", Reason: "is not UTF-8"})
	}
	known, ok := c.readers.of(externalID)
	if ok && !add && time.Since(known.at) < freshFor {
		return known.id, nil
	}
	call, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	resp, err := c.api.FindReader(call, &recommendationsv1.FindReaderRequest{ExternalId: externalID, Add: add})
	switch {
	case err == nil && resp.GetUserId() != 0:
		c.readers.put(externalID, resp.GetUserId())
		return resp.GetUserId(), nil
	case err == nil:
		return 0, nil
	case status.Code(err) == codes.InvalidArgument:
		return 0, fmt.Errorf("reader: %w", fieldError(err))
	case ok && !add:
		return known.id, nil
	}
	return 0, fmt.Errorf("reader: %w", storeError(err))
}

// fieldError returns what is wrong with the only field of a request.
func fieldError(err error) *FieldError {
	for _, detail := range status.Convert(err).Details() {
		if bad, ok := detail.(*errdetails.BadRequest); ok && len(bad.GetFieldViolations()) > 0 {
			first := bad.GetFieldViolations()[0]
			return &FieldError{Field: first.GetField(), Reason: first.GetDescription()}
		}
	}
	return &FieldError{Field: "external_id", Reason: "cannot be an id"}
}
