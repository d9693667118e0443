package rpc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"bookstall/internal/fault"
	"bookstall/internal/telemetry"
)

// interceptors are what a server does around its handlers. A client that may not call is refused before its call takes a slot.
// Faults, if any, come last, so that they are logged, counted and limited like those of a handler.
type interceptors struct {
	log    logr.Logger
	calls  telemetry.CallLog
	panics prometheus.Counter
	rules  *rules // nil without TLS
	bounds bounds
	faults *fault.Faults // nil for none

	stopping <-chan struct{} // closed when the server stops
}

func newInterceptors(log logr.Logger, reg prometheus.Registerer, rules *rules, limit Limit, cutDeaf func(), faults *fault.Faults, stopping <-chan struct{}) *interceptors {
	return &interceptors{log: log, calls: telemetry.NewCallLog(log), rules: rules, bounds: newBounds(limit, cutDeaf, reg), faults: faults, stopping: stopping,
		panics: promauto.With(reg).NewCounter(prometheus.CounterOpts{
			Name: "rpc_server_panics_total",
			Help: "Calls that panicked and were answered with INTERNAL.",
		}),
	}
}

// unary is the only interceptor of unary calls. For a chain, grpc-go makes a closure and two stack frames of each of its
// interceptors at every call.
func (i *interceptors) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (resp any, err error) {
	if w := arrivalOf(ctx); w != nil {
		w.messageArrived()
		if w.connection != nil && isOwn(info.FullMethod) {
			w.connection.add(1)
			defer w.connection.add(-1)
		}
	}
	ctx = withRequestID(ctx)
	began := time.Now()
	defer func() {
		if p := recover(); p != nil {
			resp, err = nil, i.panicked(ctx, p)
		}
		logAccess(ctx, i.calls, info.FullMethod, began, err)
	}()
	resp, err = i.admitted(ctx, req, info, next)
	return resp, hideError(ctx, i.log, info.FullMethod, err)
}

// admitted runs a handler within the limits, if the client may call it.
func (i *interceptors) admitted(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if i.rules != nil {
		if err := i.rules.check(ctx, info.FullMethod); err != nil {
			return nil, err
		}
	}
	ctx, cancel := withDeadline(ctx)
	defer cancel()
	if i.faults == nil {
		return i.bounds.limitUnary(ctx, req, info, next)
	}
	return i.bounds.limitUnary(ctx, req, info, func(ctx context.Context, req any) (any, error) {
		if err := applyFaults(ctx, i.faults, info.FullMethod); err != nil {
			return nil, err
		}
		return next(ctx, req)
	})
}

// panicked returns the error of a call whose handler panicked.
func (i *interceptors) panicked(ctx context.Context, p any) error {
	i.panics.Inc()
	telemetry.Logger(ctx, i.log).Error(fmt.Errorf("panic: %v", p), "call panicked", "stack", telemetry.StackOf(p))
	return errInternal()
}

// isHealth reports whether method belongs to the health service, whose calls are too
// frequent for logs and traces.
func isHealth(method string) bool { return strings.HasPrefix(method, "/grpc.health.v1.Health/") }

// withRequestID adds the caller's request id to ctx if it is valid, otherwise a new one. The
// span of the call has it too.
func withRequestID(ctx context.Context) context.Context {
	id := ""
	for _, theirs := range headerOf(ctx)[telemetry.RequestIDMetadata] {
		if telemetry.ValidRequestID(theirs) {
			id = theirs
			break
		}
	}
	if id == "" {
		id = telemetry.NewRequestID()
	}
	ctx = telemetry.WithRequestID(ctx, id)
	telemetry.TagSpan(ctx)
	return ctx
}

func logAccess(ctx context.Context, log telemetry.CallLog, method string, began time.Time, err error) {
	if !isHealth(method) {
		log.Call(ctx, method, status.Code(err).String(), time.Since(began))
	}
}

func errInternal() error { return status.Error(codes.Internal, "internal error") }

// hideError returns a status that the handler chose as it is. Any other error it logs,
// and returns INTERNAL with a fixed text, so that no detail reaches the client.
func hideError(ctx context.Context, log logr.Logger, method string, err error) error {
	if s, ok := status.FromError(err); ok && s.Code() != codes.Unknown {
		return err
	}
	switch {
	case errors.Is(err, context.Canceled):
		return status.Error(codes.Canceled, "the caller went away")
	case errors.Is(err, context.DeadlineExceeded):
		return status.Error(codes.DeadlineExceeded, "the deadline passed")
	}
	telemetry.Logger(ctx, log).Error(err, "call failed", "method", method)
	return errInternal()
}

// sendRequestID adds the request id of ctx to the outgoing metadata.
func sendRequestID(ctx context.Context) context.Context {
	if id := telemetry.RequestID(ctx); id != "" {
		return metadata.AppendToOutgoingContext(ctx, telemetry.RequestIDMetadata, id)
	}
	return ctx
}

func unarySendRequestID(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	return next(sendRequestID(ctx), method, req, reply, cc, opts...)
}

func streamSendRequestID(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, next grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return next(sendRequestID(ctx), desc, cc, method, opts...)
}
