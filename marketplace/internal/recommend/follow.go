package recommend

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

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
//
// Its goroutine waits for messages nearly all the time. What is on the stack then is kept
// small, by functions for all else: with little more, the runtime would keep 16 kB for it.
func (c *Client) Follow(ctx context.Context, q FollowQuery, show func(Change) error) error {
	f := &following{client: c, query: q, show: show, retry: backoff.ExponentialBackOff{
		InitialInterval: followRetryInitial, Multiplier: 2, MaxInterval: followRetryMax,
		RandomizationFactor: 0.5, // all streams of a replica end together
	}}
	for {
		f.began, f.seen = time.Now(), f.query.After
		err := f.once(ctx)
		if again, err := f.pause(ctx, err); !again {
			return err
		}
	}
}

// following is one Follow.
type following struct {
	client *Client
	query  FollowQuery // After says where to resume
	show   func(Change) error
	shown  error // that of show
	retry  backoff.ExponentialBackOff

	began time.Time // of the last call
	seen  int64     // where it resumed
}

// pause waits until a call that has ended with err is made again, or returns with what Follow
// does.
func (f *following) pause(ctx context.Context, err error) (again bool, _ error) {
	m := f.client.metrics
	if err := cmp.Or(ctx.Err(), f.shown); err != nil {
		m.follows.WithLabelValues(left).Inc()
		return false, err
	}
	if f.query.After != f.seen || time.Since(f.began) > followHealthy {
		f.retry.Reset()
	}
	pause := f.retry.NextBackOff()
	switch {
	case errors.Is(err, ErrForgotten):
		m.follows.WithLabelValues(ended).Inc()
		return false, err
	case err == nil:
		m.follows.WithLabelValues(ended).Inc()
	default:
		m.follows.WithLabelValues(broken).Inc()
		telemetry.Logger(ctx, f.client.log).V(1).Info("live shelf stream broken", "error", err.Error(), "retryIn", pause.String())
	}
	select {
	case <-ctx.Done():
	case <-time.After(pause):
	}
	return true, nil
}

// once makes one call. It returns nil if the replica ended the stream in order, ErrForgotten,
// or the error of show.
func (f *following) once(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx) // ends the stream
	defer cancel()
	stream, err := f.start(ctx)
	for err == nil {
		var resp *recommendationsv1.FollowResponse
		if resp, err = stream.Recv(); err == nil {
			err = f.received(stream.Context(), resp)
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

type follows = grpc.BidiStreamingClient[recommendationsv1.FollowRequest, recommendationsv1.FollowResponse]

// start begins a stream.
func (f *following) start(ctx context.Context) (follows, error) {
	c, q := f.client, f.query
	stream, err := c.api.Follow(ctx)
	if err != nil {
		return nil, err
	}
	err = stream.Send(&recommendationsv1.FollowRequest{Part: &recommendationsv1.FollowRequest_Start{Start: &recommendationsv1.FollowStart{
		UserId: q.UserID, Generation: q.Generation, Category: q.Category, MaxResults: int32(q.MaxResults), AfterVersion: q.After,
		IncludeUnavailable: c.catalog.ShowsUnavailable(), Variety: variety(q.Variety), NewSince: c.newSince(q.Variety),
	}}})
	if err != nil && !errors.Is(err, io.EOF) { // after EOF, Recv returns the cause
		return nil, err
	}
	// Nothing more is sent, so that the replica need not wait for it.
	return stream, stream.CloseSend()
}

// received shows a shelf, and keeps where to resume.
func (f *following) received(stream context.Context, resp *recommendationsv1.FollowResponse) error {
	if end := resp.GetEnd(); end != nil {
		f.query.After = end.GetAfterVersion()
	}
	shelf := resp.GetShelf()
	if shelf == nil {
		return nil
	}
	if shelf.GetReaderForgotten() {
		return ErrForgotten
	}
	c := f.client
	c.feed.sawVersion(shelf.GetCatalogVersion())
	if f.shown = c.showTraced(stream, f.query.UserID, c.change(shelf), f.show); f.shown != nil {
		return f.shown
	}
	f.query.After = shelf.GetVersion() // lower, if the store lost commits
	return nil
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
