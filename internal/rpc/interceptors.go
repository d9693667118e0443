package rpc

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-logr/logr"
	middleware "github.com/grpc-ecosystem/go-grpc-middleware/v2"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"bookstall/internal/fault"
	"bookstall/internal/telemetry"
)

// serverInterceptors returns the interceptors of a server, outermost first. A client that may
// not call is refused before its call takes a slot. Faults, if any, come last, so that they
// are logged, counted and limited like those of a handler.
func serverInterceptors(log logr.Logger, reg prometheus.Registerer, rules *rules, limit Limit, cutDeaf func(), faults *fault.Faults) []grpc.ServerOption {
	panics := promauto.With(reg).NewCounter(prometheus.CounterOpts{
		Name: "rpc_server_panics_total",
		Help: "Calls that panicked and were answered with INTERNAL.",
	})
	recoverer := recovery.WithRecoveryHandlerContext(func(ctx context.Context, p any) error {
		panics.Inc()
		telemetry.Logger(ctx, log).Error(fmt.Errorf("panic: %v", p), "call panicked", "stack", string(debug.Stack()))
		return errInternal()
	})
	bounds := newBounds(limit, cutDeaf, reg)
	options := []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(
			unaryRequestID,
			unaryAccessLog(log),
			recovery.UnaryServerInterceptor(recoverer),
			unaryHideErrors(log),
		),
		grpc.ChainStreamInterceptor(
			streamRequestID,
			streamAccessLog(log),
			recovery.StreamServerInterceptor(recoverer),
			streamHideErrors(log),
		),
	}
	if rules != nil {
		options = append(options, grpc.ChainUnaryInterceptor(rules.unary), grpc.ChainStreamInterceptor(rules.stream))
	}
	options = append(options,
		grpc.ChainUnaryInterceptor(unaryDeadline, bounds.limitUnary),
		grpc.ChainStreamInterceptor(bounds.limitStream),
	)
	if faults != nil {
		options = append(options,
			grpc.ChainUnaryInterceptor(unaryFaults(faults)),
			grpc.ChainStreamInterceptor(streamFaults(faults)),
		)
	}
	return options
}

// isHealth reports whether method belongs to the health service, whose calls are too
// frequent for logs and traces.
func isHealth(method string) bool { return strings.HasPrefix(method, "/grpc.health.v1.Health/") }

// withRequestID adds the caller's request id to ctx if it is valid, otherwise a new one. The
// span of the call has it too.
func withRequestID(ctx context.Context) context.Context {
	id := ""
	for _, theirs := range metadata.ValueFromIncomingContext(ctx, telemetry.RequestIDMetadata) {
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

func unaryRequestID(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	return next(withRequestID(ctx), req)
}

func streamRequestID(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	wrapped := middleware.WrapServerStream(ss)
	wrapped.WrappedContext = withRequestID(ss.Context())
	return next(srv, wrapped)
}

func logAccess(ctx context.Context, log logr.Logger, method string, began time.Time, err error) {
	if isHealth(method) {
		return
	}
	log.Info("call", telemetry.LogValues(ctx, "method", method, "code", status.Code(err).String(),
		"durationMillis", float64(time.Since(began).Microseconds())/1000)...)
}

func unaryAccessLog(log logr.Logger) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		began := time.Now()
		resp, err := next(ctx, req)
		logAccess(ctx, log, info.FullMethod, began, err)
		return resp, err
	}
}

func streamAccessLog(log logr.Logger) grpc.StreamServerInterceptor {
	return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		began := time.Now()
		err := next(srv, ss)
		logAccess(ss.Context(), log, info.FullMethod, began, err)
		return err
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

func unaryHideErrors(log logr.Logger) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		resp, err := next(ctx, req)
		return resp, hideError(ctx, log, info.FullMethod, err)
	}
}

func streamHideErrors(log logr.Logger) grpc.StreamServerInterceptor {
	return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		return hideError(ss.Context(), log, info.FullMethod, next(srv, ss))
	}
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
