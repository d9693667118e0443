package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// offer is what calls can ask the shop for.
type offer struct {
	books   []book
	samples []int64 // ids of the sample readers on its pages
}

type book struct {
	ID    int64  `json:"id"`
	Title string `json:"title"`
}

// How long to wait for a shop that is not open yet, and how often to try.
const (
	openWithin = 30 * time.Second
	retryEvery = 500 * time.Millisecond
)

// fetchOffer fetches the shop's books and sample readers. It waits for a shop that is
// not open yet.
func fetchOffer(ctx context.Context, c *client, cfg Config) (offer, error) {
	ctx, cancel := context.WithTimeout(ctx, openWithin)
	defer cancel()
	for attempt := 1; ; attempt++ {
		o, err := fetchOnce(ctx, c)
		if err == nil && len(o.samples)+len(cfg.Readers) == 0 {
			return offer{}, errors.New("the shop offers no sample readers: name readers who have a history, by -readers")
		}
		if err == nil {
			return o, nil
		}
		if attempt == 1 && cfg.Waiting != nil {
			cfg.Waiting(err, openWithin)
		}
		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
			return offer{}, fmt.Errorf("shop: %w", err)
		}
	}
}

func fetchOnce(ctx context.Context, c *client) (offer, error) {
	var list struct {
		Books []book `json:"books"`
	}
	body, err := c.get(ctx, "/api/v1/books?page_size=100")
	if err != nil {
		return offer{}, err
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return offer{}, fmt.Errorf("list of books: %w", err)
	}
	if len(list.Books) == 0 {
		return offer{}, errors.New("no books")
	}
	page, err := c.get(ctx, "/")
	if err != nil {
		return offer{}, err
	}
	return offer{books: list.Books, samples: sampleReaders(page)}, nil
}

var sampleButton = regexp.MustCompile(`name="reader" value="(\d+)"`)

// sampleReaders returns the ids of the buttons under “Reading as”.
func sampleReaders(page []byte) (ids []int64) {
	for _, m := range sampleButton.FindAllSubmatch(page, -1) {
		if id, err := strconv.ParseInt(string(m[1]), 10, 64); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// get fetches a page that must exist.
func (c *client) get(ctx context.Context, path string) ([]byte, error) {
	a, err := c.send(ctx, task{path: path})
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, fmt.Errorf("%s: status %d", path, a.status)
	}
	return a.body, nil
}
