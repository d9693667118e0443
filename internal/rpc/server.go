package rpc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/tap"

	"bookstall/internal/fault"
	"bookstall/internal/lifecycle"
	"bookstall/internal/telemetry"
)

// ServerConfig sets up a Server. Address, Service, Readiness and Telemetry must be set.
type ServerConfig struct {
	Address string // host:port; port 0 picks a free one
	// HealthAddress serves grpc.health.v1 in plaintext when TLS is on, because a
	// kubelet's probes cannot do TLS. Unused when TLS is off.
	HealthAddress string
	// Service is the name that the health service answers for, besides "".
	Service string
	TLS     TLSFiles
	Clients TLSClients // who may call; with TLS only
	// Reads reports whether a method changes nothing; all others write. Nil means that all
	// write.
	Reads func(method string) bool
	// A connection is closed gracefully after MaxConnectionAge (±10 %), and cut
	// MaxConnectionAgeGrace later. 0 means no maximum age; a grace of 0 never cuts.
	MaxConnectionAge      time.Duration
	MaxConnectionAgeGrace time.Duration
	Limit                 Limit                // the zero value limits nothing
	Readiness             *lifecycle.Readiness // the health status follows it
	Faults                *fault.Faults        // applied to every call; nil for none
	Telemetry             *telemetry.Telemetry
	Unmeasured            bool // records no metrics of calls, to find out what they cost
}

// Server is a gRPC server with health, reflection, metrics, traces, request ids and an
// access log with one line per call.
type Server struct {
	grpc     *grpc.Server
	listener net.Listener

	// For the kubelet's probes; nil without TLS.
	health         *grpc.Server
	healthListener net.Listener

	arrivals *arrivals
	stats    *serverStats
	expiry   *expiry // nil without TLS

	stopping chan struct{} // closed when Stop begins
}

// streamWorkers is how many goroutines a server keeps for calls. The stack of a new one is small and is copied twice on the
// way to a handler. With more, each has so few calls that the garbage collector shrinks its stack in between. A call that
// finds none free, because streams hold them, has a goroutine of its own.
const streamWorkers = 64

// NewServer binds the addresses. Register services before Serve; the caller must call
// Serve or Close.
func NewServer(cfg ServerConfig) (_ *Server, err error) {
	s := &Server{stopping: make(chan struct{})}
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	listener, err := net.Listen("tcp", cfg.Address)
	if err != nil {
		return nil, fmt.Errorf("gRPC address: %w", err)
	}
	connections := capConnections(listener, cmp.Or(cfg.Limit.Connections, defaultConnections), cfg.Telemetry.Registry)
	s.listener = connections.listener
	s.stats = newServerStats(connections, cfg.Telemetry, cfg.Unmeasured)
	s.arrivals = newArrivals(maxArriving, messageTimeout, cfg.Telemetry.Registry)
	creds, rules, err := s.security(cfg)
	if err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}

	intercept := newInterceptors(cfg.Telemetry.Log, cfg.Telemetry.Registry, rules, cfg.Limit, s.arrivals.cutDeaf, cfg.Faults, s.stopping)
	s.grpc = grpc.NewServer(
		grpc.Creds(creds),
		grpc.KeepaliveParams(serverKeepalive(cfg.MaxConnectionAge, cfg.MaxConnectionAgeGrace)),
		grpc.KeepaliveEnforcementPolicy(serverEnforcement()),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxHeaderListSize(maxHeaders),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.InTapHandle(func(ctx context.Context, info *tap.Info) (context.Context, error) {
			if err := connections.tap(ctx, info); err != nil {
				return ctx, err
			}
			return s.arrivals.tap(ctx, info.Header), nil
		}),
		grpc.StatsHandler(s.stats),
		grpc.NumStreamWorkers(streamWorkers),
		grpc.UnaryInterceptor(intercept.unary),
		grpc.StreamInterceptor(intercept.stream),
	)
	reflection.Register(s.grpc)

	checks := newHealth(cfg.Service, cfg.Readiness, cfg.Faults)
	healthpb.RegisterHealthServer(s.grpc, checks)
	if cfg.TLS.Enabled() {
		if s.healthListener, err = net.Listen("tcp", cfg.HealthAddress); err != nil {
			return nil, fmt.Errorf("health address: %w", err)
		}
		s.health = grpc.NewServer(
			grpc.ConnectionTimeout(handshakeTimeout),
			grpc.KeepaliveParams(serverKeepalive(cfg.MaxConnectionAge, cfg.MaxConnectionAgeGrace)),
			grpc.MaxConcurrentStreams(maxHealthStreams),
			grpc.MaxHeaderListSize(maxHeaders),
			grpc.MaxRecvMsgSize(maxMessage),
		)
		healthpb.RegisterHealthServer(s.health, checks)
	}
	return s, nil
}

// security returns the credentials of the server, and the rules for its clients; nil without
// TLS.
func (s *Server) security(cfg ServerConfig) (credentials.TransportCredentials, *rules, error) {
	if !cfg.TLS.Enabled() {
		return insecure.NewCredentials(), nil, nil
	}
	source, err := newTLSSource(cfg.TLS, cfg.Telemetry.Log)
	if err != nil {
		return nil, nil, err
	}
	rules, err := newRules(cfg.Clients, cfg.Reads, source.last, cfg.Telemetry.Registry, cfg.Telemetry.Log)
	if err != nil {
		return nil, nil, err
	}
	held := ""
	s.expiry = newExpiry(source, cfg.Telemetry.Registry, cfg.Telemetry.Log, func(trouble string) {
		if trouble == held {
			return
		}
		if trouble != "" {
			cfg.Readiness.Hold(trouble)
			cfg.Telemetry.Log.Error(nil, "not serving", "reason", trouble)
		}
		cfg.Readiness.Release(held)
		held = trouble
	})
	failed := newFailures(cfg.Telemetry.Registry, cfg.Telemetry.Log, "rpc_server_handshakes_failed_total",
		"Connections of clients that failed", "client's connection refused")
	return &serverCredentials{tlsCredentials{source, failed}, rules}, rules, nil
}

// newHealth returns a health service that follows ready and the fault not_serving.
// health.NewServer starts as SERVING, so both names are set before it is served.
func newHealth(service string, ready *lifecycle.Readiness, faults *fault.Faults) *health.Server {
	checks := health.NewServer()
	serving := lifecycle.NewReadiness()
	ready.Watch(func(ok bool) { serving.Set(ok, "not ready") })
	if faults != nil {
		faults.WatchNotServing(func(not bool) {
			if not {
				serving.Hold("injected fault")
			} else {
				serving.Release("injected fault")
			}
		})
	}
	serving.Watch(func(ok bool) {
		status := healthpb.HealthCheckResponse_NOT_SERVING
		if ok {
			status = healthpb.HealthCheckResponse_SERVING
		}
		checks.SetServingStatus("", status)
		checks.SetServingStatus(service, status)
	})
	return checks
}

// Addr returns the bound address.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// HealthAddr returns the bound address of the plaintext health service; nil without TLS.
func (s *Server) HealthAddr() net.Addr {
	if s.healthListener == nil {
		return nil
	}
	return s.healthListener.Addr()
}

// RegisterService implements grpc.ServiceRegistrar.
func (s *Server) RegisterService(desc *grpc.ServiceDesc, impl any) {
	s.grpc.RegisterService(desc, impl)
}

// Close releases the addresses if Serve was never called.
func (s *Server) Close() error {
	var errs []error
	if s.grpc != nil {
		s.grpc.Stop() // ends its workers
	}
	for _, l := range []net.Listener{s.listener, s.healthListener} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(errs...)
}

// Serve answers calls until Stop, then returns nil. Call it once.
func (s *Server) Serve() error {
	if s.expiry != nil {
		s.expiry.start()
		defer s.expiry.close()
	}
	s.stats.register(s.grpc.GetServiceInfo())
	var g errgroup.Group
	g.Go(func() error { return s.grpc.Serve(s.listener) })
	if s.health != nil {
		g.Go(func() error { return s.health.Serve(s.healthListener) })
	}
	if err := g.Wait(); !errors.Is(err, grpc.ErrServerStopped) { // Stop came first
		return err
	}
	return nil
}

// Stop waits for calls in flight until ctx ends, then cuts them and returns an error. It
// may be called once.
func (s *Server) Stop(ctx context.Context) error {
	close(s.stopping)
	done := make(chan struct{})
	go func() {
		s.grpc.GracefulStop()
		close(done)
	}()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = fmt.Errorf("calls in flight were cut: %w", ctx.Err())
		s.grpc.Stop()
		<-done
	}
	if s.health != nil {
		s.health.Stop()
	}
	return err
}
