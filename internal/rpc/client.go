package rpc

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc/filters"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/health" // the client side of healthCheckConfig
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/stats/opentelemetry"
	"google.golang.org/grpc/status"

	"bookstall/internal/discovery"
	"bookstall/internal/telemetry"
)

// ClientConfig sets up a Client. All fields but TLS, TLSServerName and Probe must be set.
type ClientConfig struct {
	// Target is dns:///NAME:PORT or dns://SERVER/NAME:PORT. The name should end in a
	// dot; otherwise the search domains of resolv.conf are tried first.
	Target string
	// Service is the full name of the gRPC service to call and to watch the health of.
	Service       string
	TLS           TLSFiles
	TLSServerName string        // expected name in the servers' certificate; "" for the target's host
	DNSInterval   time.Duration // between two lookups, ±10 %
	DNSMaxStale   time.Duration // how long the last list stays in use while DNS has no addresses
	// Probe makes a cheap call that changes nothing. An ejected replica must answer it
	// in time before it is readmitted; the health check alone would not do, as it
	// passed when the replica was ejected. Nil means health check alone.
	Probe     func(context.Context, grpc.ClientConnInterface) error
	Telemetry *telemetry.Telemetry
}

// CheckTarget returns an error if target cannot be a ClientConfig.Target.
func CheckTarget(target string) error { return discovery.CheckTarget(target) }

// Client is a gRPC connection that spreads calls over the replicas behind one name. It
// is safe for concurrent use.
type Client struct {
	*grpc.ClientConn

	target   string
	ejector  *discovery.Ejector
	builder  *discovery.Builder
	replicas *replicas
}

// NewClient returns a client, which connects in the background. The caller must Close it.
func NewClient(cfg ClientConfig) (*Client, error) {
	if err := discovery.CheckTarget(cfg.Target); err != nil {
		return nil, err
	}
	log := cfg.Telemetry.Log.WithName("rpc")
	creds, err := newCredentials(cfg.TLS, log)
	if err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	config, err := serviceConfig(cfg.Service)
	if err != nil {
		return nil, err
	}
	metrics := discovery.NewMetrics(cfg.Telemetry.Registry)
	ejector := discovery.NewEjector(discovery.EjectorConfig{
		Threshold:        ejectAfter,
		SlowFloor:        slowFloor,
		SlowFactor:       slowFactor,
		SlowThreshold:    slowAfter,
		SlowSpan:         slowSpan,
		ProbeInterval:    probeInterval,
		MaxProbeInterval: maxProbeInterval,
		ProbeTimeout:     probeTimeout,
		Probe:            newProbe(creds, authority(cfg), cfg.Service, cfg.Probe),
		Metrics:          metrics,
		Log:              log,
	})
	replicas := newReplicas(ejector)
	builder := discovery.NewBuilder(discovery.Config{
		Interval:      cfg.DNSInterval,
		MinInterval:   cfg.DNSInterval / 10,
		LookupTimeout: 2 * time.Second,
		MaxStale:      cfg.DNSMaxStale,
		Ejector:       ejector,
		Metrics:       metrics,
		Log:           log,
	})
	conn, err := grpc.NewClient(cfg.Target,
		grpc.WithResolvers(builder),
		grpc.WithDefaultServiceConfig(config),
		grpc.WithDisableServiceConfig(), // none from DNS, which saves two TXT lookups
		grpc.WithNoProxy(),              // a proxy would hide the replicas
		grpc.WithIdleTimeout(0),         // stay connected without calls
		grpc.WithTransportCredentials(creds),
		grpc.WithAuthority(authority(cfg)),
		grpc.WithKeepaliveParams(clientKeepalive()),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect(), MinConnectTimeout: connectTimeout}),
		grpc.WithStatsHandler(attempts{ejector: ejector, replicas: replicas}),
		opentelemetry.DialOption(opentelemetry.Options{
			MetricsOptions: opentelemetry.MetricsOptions{MeterProvider: cfg.Telemetry.MeterProvider},
		}),
		grpc.WithStatsHandler(otelgrpc.NewClientHandler(
			otelgrpc.WithTracerProvider(cfg.Telemetry.TracerProvider),
			otelgrpc.WithPropagators(cfg.Telemetry.Propagator),
			otelgrpc.WithMeterProvider(noopmetric.NewMeterProvider()), // metrics come from stats/opentelemetry above
			otelgrpc.WithFilter(filters.Not(filters.HealthCheck())),
		)),
		grpc.WithChainUnaryInterceptor(unarySendRequestID),
		grpc.WithChainStreamInterceptor(streamSendRequestID),
	)
	if err != nil {
		ejector.Close()
		return nil, fmt.Errorf("target %q: %w", cfg.Target, err)
	}
	conn.Connect()
	return &Client{ClientConn: conn, target: cfg.Target, ejector: ejector, builder: builder, replicas: replicas}, nil
}

// Close closes all connections and waits for the probes to end.
func (c *Client) Close() error {
	c.ejector.Close()
	return c.ClientConn.Close()
}

// authority returns the :authority of calls, which is also the name that servers'
// certificates must have.
func authority(cfg ClientConfig) string {
	if cfg.TLSServerName != "" {
		return cfg.TLSServerName
	}
	name := cfg.Target[strings.LastIndex(cfg.Target, "/")+1:]
	host, _, err := net.SplitHostPort(name)
	switch {
	case err != nil:
		return name
	case strings.Contains(host, ":"): // IPv6
		return "[" + host + "]"
	}
	return host
}

// newProbe returns a probe that checks one replica's health and then makes a call. It
// uses a connection of its own, as the shared one may be what hangs.
func newProbe(creds credentials.TransportCredentials, authority, service string,
	call func(context.Context, grpc.ClientConnInterface) error,
) discovery.Probe {
	return func(ctx context.Context, addr string) (time.Duration, error) {
		conn, err := grpc.NewClient("passthrough:///"+addr,
			grpc.WithTransportCredentials(creds),
			grpc.WithAuthority(authority),
			grpc.WithDisableServiceConfig(),
			grpc.WithNoProxy(),
		)
		if err != nil {
			return 0, err
		}
		defer conn.Close()
		resp, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{Service: service}, grpc.WaitForReady(true))
		if err != nil {
			return 0, err
		}
		if resp.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			return 0, fmt.Errorf("health is %s", resp.GetStatus())
		}
		if call == nil {
			return 0, nil
		}
		began := time.Now()
		err = call(ctx, conn)
		if status.Code(err) == codes.ResourceExhausted {
			return 0, nil // it sheds load: busy, but not sick
		}
		return time.Since(began), err
	}
}
