package recommend

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.opentelemetry.io/otel/trace"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/internal/telemetry"
)

// FollowQuery asks for a reader's shelf after each change of the reader's history.
type FollowQuery struct {
	UserID     int64
	Generation int64  // see HistoryQuery
	Category   string // slug; "" for all
	MaxResults int
	Variety    Variety
	After      int64 // last version seen; 0 to get the current shelf at once
}

// Backoff between calls of one Follow.
const (
	followRetryInitial = 50 * time.Millisecond
	followRetryMax     = 5 * time.Second
	followHealthy      = time.Second // a stream that lasted longer resets the backoff
)

// Follow calls show with the reader's shelf after each change, until ctx ends or show
// returns an error, and returns that error, or until the reader is forgotten: then it
// returns ErrForgotten. When a replica ends the stream or fails,
// Follow resumes on another one at the same version, with backoff.
func (c *Client) Follow(ctx context.Context, q FollowQuery, show func(Change) error) error {
	retry := backoff.ExponentialBackOff{
		InitialInterval: followRetryInitial, Multiplier: 2, MaxInterval: followRetryMax,
		RandomizationFactor: 0.5, // all streams of a replica end together
	}
	for {
		began, seen := time.Now(), q.After
		var shown error
		err := c.followOnce(ctx, &q, func(change Change) error {
			shown = show(change)
			return shown
		})
		if err := cmp.Or(ctx.Err(), shown); err != nil {
			c.metrics.follows.WithLabelValues(left).Inc()
			return err
		}
		if q.After != seen || time.Since(began) > followHealthy {
			retry.Reset()
		}
		pause := retry.NextBackOff()
		switch {
		case errors.Is(err, ErrForgotten):
			c.metrics.follows.WithLabelValues(ended).Inc()
			return err
		case err == nil:
			c.metrics.follows.WithLabelValues(ended).Inc()
		default:
			c.metrics.follows.WithLabelValues(broken).Inc()
			telemetry.Logger(ctx, c.log).V(1).Info("live shelf stream broken", "error", err.Error(), "retryIn", pause.String())
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// followOnce makes one call and keeps in q.After where to resume. It returns nil if
// the replica ended the stream in order, ErrForgotten, or the error of show.
func (c *Client) followOnce(ctx context.Context, q *FollowQuery, show func(Change) error) error {
	ctx, cancel := context.WithCancel(ctx) // ends the stream
	defer cancel()
	stream, err := c.api.Follow(ctx)
	if err != nil {
		return err
	}
	// The client sends nothing more, but keeps its side of the stream open: some
	// servers and proxies treat half-close as the end of the call.
	err = stream.Send(&recommendationsv1.FollowRequest{Part: &recommendationsv1.FollowRequest_Start{Start: &recommendationsv1.FollowStart{
		UserId: q.UserID, Generation: q.Generation, Category: q.Category, MaxResults: int32(q.MaxResults), AfterVersion: q.After,
		IncludeUnavailable: c.catalog.ShowsUnavailable(), Variety: variety(q.Variety), NewSince: c.newSince(q.Variety),
	}}})
	if err != nil && !errors.Is(err, io.EOF) { // after EOF, Recv returns the cause
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
			q.After = end.GetAfterVersion()
			continue
		}
		if shelf := resp.GetShelf(); shelf != nil {
			if shelf.GetReaderForgotten() {
				return ErrForgotten
			}
			c.feed.sawVersion(shelf.GetCatalogVersion())
			if err := c.showTraced(stream.Context(), q.UserID, c.change(shelf), show); err != nil {
				return err
			}
			q.After = shelf.GetVersion() // lower, if the store lost commits
		}
	}
}

// showTraced calls show within a span if the write that caused the shelf is sampled and came
// through this shop. The span belongs to the trace of the write, which it ends for the reader,
// and is linked to the stream that brought the shelf.
func (c *Client) showTraced(stream context.Context, userID int64, change Change, show func(Change) error) error {
	write := c.versions.cause(userID, change.Version, change.CauseID)
	if !write.IsValid() {
		return show(change)
	}
	_, span := c.tracer.Start(trace.ContextWithRemoteSpanContext(stream, write), "live shelf", trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithLinks(trace.LinkFromContext(stream)))
	defer span.End()
	return show(change)
}

func (c *Client) change(s *recommendationsv1.FollowShelf) Change {
	return Change{
		Shelf: Shelf{
			Items: c.items(s.GetRecommendations(), s.GetCatalogVersion()), Source: source(s.GetSource()),
			ServedBy: s.GetServedBy(), Version: s.GetVersion(),
		},
		CauseID: s.GetCause().GetBookId(), CauseTitle: s.GetCause().GetTitle(), Entry: entry(s.GetEntry()),
	}
}
