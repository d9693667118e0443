package balance

import (
	"slices"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// outcome is how one attempt of a call ended.
type outcome struct {
	method string
	code   codes.Code
	began  time.Time
	took   time.Duration
	waited time.Duration // part of took, in the replica's queue
	timed  bool          // took is comparable with other calls
	failed bool          // it failed through the replica's fault

	verdict verdict
}

// verdict is what an outcome says about the replica.
type verdict int

const (
	nothing  verdict = iota
	good             // it answered, perhaps with an error that the caller caused
	bad              // it failed
	timedOut         // it did not answer in time
)

// judge returns the outcome of an attempt that ends now.
func (c *config) judge(method string, stream bool, began time.Time, done balancer.DoneInfo) outcome {
	o := outcome{method: method, code: status.Code(done.Err), began: began, took: time.Since(began)}
	o.verdict = good
	switch o.code {
	case codes.OK:
		o.timed = !stream
		o.waited = c.waited(done.Trailer)
	case codes.DeadlineExceeded:
		o.verdict = timedOut
		if o.took < c.ejection.MinTimeout || stream && done.BytesReceived { // a stream may live until its deadline
			o.verdict = nothing
		}
	case codes.Unavailable:
		o.verdict, o.failed = bad, true
		if !done.BytesReceived { // a broken connection, not the replica's answer: it is replaced anyway
			o.verdict = nothing
		}
	case codes.Canceled, codes.ResourceExhausted: // the caller cancelled; the load is too high
		o.verdict = nothing
	default: // otherwise an error that the caller caused
		if slices.Contains(c.faultCodes, o.code) {
			o.verdict = bad
		}
	}
	o.failed = o.failed || o.verdict > good
	return o
}

// judgedOtherwise reports whether judge looks at more than the code.
func judgedOtherwise(code codes.Code) bool {
	switch code {
	case codes.OK, codes.Canceled, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Unavailable:
		return true
	default:
		return false
	}
}

// waited returns the time in the replica's queue, 0 for none or none that is valid.
func (c *config) waited(trailer metadata.MD) time.Duration {
	if c.waitTrailer == "" {
		return 0
	}
	for _, text := range trailer.Get(c.waitTrailer) {
		if d, err := time.ParseDuration(text); err == nil && d > 0 {
			return d
		}
	}
	return 0
}
