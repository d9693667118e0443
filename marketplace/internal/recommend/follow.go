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
// returns an error, and then ended with that error, or until the reader is forgotten: then
// with ErrForgotten. The caller must end ctx then. When a replica ends the stream or fails,
// Follow resumes on another one at the same version, with backoff.
//
// It returns at once. Each message is waited for on a new goroutine, as one that has shown a
// shelf would keep the stack that it needed for that, for as long as it waits for the next.
func (c *Client) Follow(ctx context.Context, q FollowQuery, show func(Change) error, ended func(error)) {
	f := &following{client: c, ctx: ctx, query: q, show: show, ended: ended, retry: backoff.ExponentialBackOff{
		InitialInterval: followRetryInitial, Multiplier: 2, MaxInterval: followRetryMax,
		RandomizationFactor: 0.5, // all streams of a replica end together
	}}
	go f.call()
}

type follows = grpc.BidiStreamingClient[recommendationsv1.FollowRequest, recommendationsv1.FollowResponse]

// following is one Follow. One goroutine at a time has it.
type following struct {
	client *Client
	ctx    context.Context // that of all calls
	query  FollowQuery     // After says where to resume
	show   func(Change) error
	shown  error // that of show
	ended  func(error)
	retry  backoff.ExponentialBackOff

	stream follows   // of the last call
	began  time.Time // that call
	seen   int64     // where it resumed
}

// call makes calls until one has begun, or Follow ends.
func (f *following) call() {
	defer f.recoverPanic()
	for again := true; again; {
		f.began, f.seen = time.Now(), f.query.After
		err := f.start()
		if err == nil {
			go f.receive()
			return
		}
		again = f.pause(err)
	}
}

// receive waits for a message.
func (f *following) receive() {
	defer f.recoverPanic()
	resp := new(recommendationsv1.FollowResponse)
	f.next(resp, f.stream.RecvMsg(resp))
}

// next goes on after a message, or after the end of the call: io.EOF if the replica ended it in
// order, ErrForgotten, or the error of show.
func (f *following) next(resp *recommendationsv1.FollowResponse, err error) {
	if err == nil {
		err = f.received(resp)
	}
	switch {
	case err == nil:
		go f.receive()
	case f.pause(err):
		f.call()
	}
}

// recoverPanic ends Follow with a panic.
func (f *following) recoverPanic() {
	if p := recover(); p != nil {
		f.ended(telemetry.NewPanic(p))
	}
}

// pause waits until a call that has ended with err is made again, or ends Follow.
func (f *following) pause(err error) (again bool) {
	m := f.client.metrics
	if err := cmp.Or(f.ctx.Err(), f.shown); err != nil {
		m.follows.WithLabelValues(left).Inc()
		f.ended(err)
		return false
	}
	if f.query.After != f.seen || time.Since(f.began) > followHealthy {
		f.retry.Reset()
	}
	pause := f.retry.NextBackOff()
	switch {
	case errors.Is(err, ErrForgotten):
		m.follows.WithLabelValues(ended).Inc()
		f.ended(err)
		return false
	case errors.Is(err, io.EOF):
		m.follows.WithLabelValues(ended).Inc()
	default:
		m.follows.WithLabelValues(broken).Inc()
		telemetry.Logger(f.ctx, f.client.log).V(1).Info("live shelf stream broken", "error", err.Error(), "retryIn", pause.String())
	}
	select {
	case <-f.ctx.Done():
	case <-time.After(pause):
	}
	return true
}

// start begins a stream.
func (f *following) start() (err error) {
	c, q := f.client, f.query
	if f.stream, err = c.api.Follow(f.ctx); err != nil {
		return err
	}
	err = f.stream.Send(&recommendationsv1.FollowRequest{Part: &recommendationsv1.FollowRequest_Start{Start: &recommendationsv1.FollowStart{
		UserId: q.UserID, Generation: q.Generation, Category: q.Category, MaxResults: int32(q.MaxResults), AfterVersion: q.After,
		IncludeUnavailable: c.catalog.ShowsUnavailable(), Variety: variety(q.Variety), NewSince: c.newSince(q.Variety),
	}}})
	if err != nil && !errors.Is(err, io.EOF) { // after EOF, RecvMsg returns the cause
		return err
	}
	// Nothing more is sent, so that the replica need not wait for it.
	return f.stream.CloseSend()
}

// received shows a shelf, and keeps where to resume.
func (f *following) received(resp *recommendationsv1.FollowResponse) error {
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
	if f.shown = c.showTraced(f.stream.Context(), f.query.UserID, c.change(shelf), f.show); f.shown != nil {
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
