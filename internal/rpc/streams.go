package rpc

import (
	"context"
	"time"

	"google.golang.org/grpc"
)

// stream is the only interceptor of streams. With a chain, the stack of one that waits would be twice as large. As for
// unary calls, what comes before the line of the log concerns the connection.
func (i *interceptors) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	s := newServerStream(ss, info)
	if c, ok := s.ctx.Value(connectionKey{}).(*connection); ok && isOwn(info.FullMethod) {
		if s.download {
			if !c.addDownload() {
				return errBusy
			}
			defer c.endDownload()
		}
		c.add(1)
		defer c.add(-1)
	}
	if isHealth(info.FullMethod) {
		ctx, cancel := i.untilStop(s.ctx)
		defer cancel()
		s.ctx = ctx
	}
	s.ctx = withRequestID(s.ctx)
	return i.loggedStream(srv, s, info, next)
}

// loggedStream writes the line of the access log, answers a panic, and hides errors.
func (i *interceptors) loggedStream(srv any, s *serverStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	began := time.Now()
	defer func() {
		if p := recover(); p != nil {
			err = i.panicked(s.ctx, p)
		}
		logAccess(s.ctx, i.calls, info.FullMethod, began, err)
	}()
	return hideError(s.ctx, i.log, info.FullMethod, i.admittedStream(srv, s, info, next))
}

// admittedStream runs a handler within the limits, if the client may call it.
func (i *interceptors) admittedStream(srv any, s *serverStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if i.rules != nil {
		if err := i.rules.check(s.ctx, info.FullMethod); err != nil {
			return err
		}
		if info.IsClientStream && info.IsServerStream {
			s.ctx = context.WithValue(s.ctx, rulesKey{}, i.rules)
		}
	}
	if i.faults == nil {
		return i.bounds.limitStream(srv, s, info, next)
	}
	return i.bounds.limitStream(srv, s, info, func(srv any, ss grpc.ServerStream) error {
		if err := applyFaults(ss.Context(), i.faults, info.FullMethod); err != nil {
			return err
		}
		return next(srv, ss)
	})
}

// untilStop returns a context for streams of the health service, which ends when the server
// stops. They never end by themselves, so one open Watch would hold up GracefulStop until its
// deadline.
func (i *interceptors) untilStop(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-i.stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// serverStream is a stream whose messages must arrive in time: the first one, and each one of an
// upload, which holds a slot as long as it lasts. Its answers must be read in time.
type serverStream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // as in grpc.ServerStream

	arrival  *arrival // nil on a server without a tap
	upload   bool
	download bool
	received bool
}

func newServerStream(ss grpc.ServerStream, info *grpc.StreamServerInfo) *serverStream {
	ctx := ss.Context()
	return &serverStream{ServerStream: ss, ctx: ctx, arrival: arrivalOf(ctx), upload: !info.IsServerStream, download: info.IsServerStream && !info.IsClientStream}
}

// Context implements grpc.ServerStream.
func (s *serverStream) Context() context.Context { return s.ctx }

// RecvMsg implements grpc.ServerStream.
func (s *serverStream) RecvMsg(m any) error {
	if s.arrival == nil {
		return s.ServerStream.RecvMsg(m)
	}
	if s.received && s.upload {
		s.arrival.await()
	}
	err := s.ServerStream.RecvMsg(m)
	s.received = true
	if s.upload {
		s.arrival.arrived()
	} else {
		s.arrival.messageArrived()
	}
	return err
}

// SendMsg implements grpc.ServerStream. It waits once a client reads nothing more.
func (s *serverStream) SendMsg(m any) error {
	if s.arrival == nil {
		return s.ServerStream.SendMsg(m)
	}
	a := s.arrival.arrivals
	timer := time.AfterFunc(a.wait, func() {
		a.deaf.Inc()
		s.arrival.cancel()
	})
	defer timer.Stop()
	if s.download {
		a.mu.Lock()
		at := a.unread.PushBack(s.arrival)
		a.mu.Unlock()
		defer func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.unread.Remove(at) // no effect after cutDeaf
		}()
	}
	return s.ServerStream.SendMsg(m)
}
