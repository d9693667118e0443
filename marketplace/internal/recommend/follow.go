package recommend

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"time"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/internal/telemetry"
)

// FollowQuery asks for a reader's shelf at each change.
type FollowQuery struct {
	UserID     int64
	Category   string // slug; "" for all
	MaxResults int
	After      int64 // version that was seen; 0 for a shelf at once
}

// How long to wait before following on with another call.
const (
	followFirst   = 50 * time.Millisecond // after a stream that was of use
	followMost    = 5 * time.Second
	followSettled = time.Second // what has lasted this long was of use
)

// Follow calls show with the reader's shelf at each change, until ctx ends, of
// which it returns the error, or show returns one. A replica may end a stream or
// die: Follow goes on with another one where that one was, and backs off while
// there is none.
func (c *Client) Follow(ctx context.Context, q FollowQuery, show func(Change) error) error {
	pause := followFirst
	for {
		began, seen := time.Now(), q.After
		err := c.followOnce(ctx, &q, show)
		switch {
		case ctx.Err() != nil:
			c.metrics.follows.WithLabelValues(left).Inc()
			return ctx.Err()
		case errors.As(err, new(*showError)):
			c.metrics.follows.WithLabelValues(left).Inc()
			return errors.Unwrap(err)
		case err == nil:
			c.metrics.follows.WithLabelValues(ended).Inc()
		default:
			c.metrics.follows.WithLabelValues(broken).Inc()
			telemetry.Logger(ctx, c.log).V(1).Info("a live shelf goes on with another call", "error", err.Error(), "retryIn", pause.String())
		}
		if q.After > seen || time.Since(began) > followSettled {
			pause = followFirst
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause)): // all streams of a replica end together
		}
		pause = min(2*pause, followMost)
	}
}

// showError is an error of the function that shows shelves.
type showError struct{ err error }

func (e *showError) Error() string { return e.err.Error() }
func (e *showError) Unwrap() error { return e.err }

// followOnce makes one call, and keeps in q from where to go on. It returns nil
// when the replica ended the stream in order.
func (c *Client) followOnce(ctx context.Context, q *FollowQuery, show func(Change) error) error {
	ctx, cancel := context.WithCancel(ctx) // ends the stream
	defer cancel()
	stream, err := c.api.Follow(ctx)
	if err != nil {
		return err
	}
	// There is nothing else to say, but the sending side stays open: some servers
	// and proxies take its end for the end of the call.
	err = stream.Send(&recommendationsv1.FollowRequest{Part: &recommendationsv1.FollowRequest_Start{Start: &recommendationsv1.FollowStart{
		UserId: q.UserID, Category: q.Category, MaxResults: int32(q.MaxResults), AfterVersion: q.After,
	}}})
	if err != nil && !errors.Is(err, io.EOF) { // for EOF Recv says what happened
		return err
	}
	for {
		resp, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if end := resp.GetEnd(); end != nil {
			q.After = max(q.After, end.GetAfterVersion())
			continue
		}
		if shelf := resp.GetShelf(); shelf != nil {
			c.feed.sawVersion(shelf.GetCatalogVersion())
			if err := show(change(shelf)); err != nil {
				return &showError{err}
			}
			q.After = max(q.After, shelf.GetVersion())
		}
	}
}

func change(s *recommendationsv1.FollowShelf) Change {
	return Change{
		Shelf: Shelf{
			Items: items(s.GetRecommendations()), Source: source(s.GetSource()),
			ServedBy: s.GetServedBy(), Version: s.GetVersion(),
		},
		CauseID: s.GetCause().GetBookId(), CauseTitle: s.GetCause().GetTitle(), Entry: entry(s.GetEntry()),
	}
}
