package rpc

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"bookstall/balance"
	"bookstall/balance/balanceprom"
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

// Client is a gRPC connection that spreads calls over the replicas behind one name. It
// is safe for concurrent use.
type Client struct {
	*grpc.ClientConn

	balancer *balance.Balancer
	expiry   *expiry // nil without TLS
}

// NewClient returns a client, which connects in the background. The caller must Close it.
func NewClient(cfg ClientConfig) (*Client, error) {
	if err := balance.CheckTarget(cfg.Target); err != nil {
		return nil, err
	}
	log := cfg.Telemetry.Log.WithName("rpc")
	config, err := serviceConfig(cfg.Service)
	if err != nil {
		return nil, err
	}
	metrics := balanceprom.NewNamed("discovery")
	if err := cfg.Telemetry.Registry.Register(metrics); err != nil {
		return nil, fmt.Errorf("metrics of the balancer: %w", err)
	}
	balancer, err := balance.New(
		balance.WithHealthService(cfg.Service),
		balance.WithProbe(cfg.Probe),
		balance.WithInterval(cfg.DNSInterval),
		balance.WithMaxStale(cfg.DNSMaxStale),
		balance.WithServiceConfig(config),
		balance.WithServedBy(servedBy),
		balance.WithWaitTrailer(waitTrailer),
		balance.WithLogger(telemetry.Slog(log)),
		balance.WithObserver(metrics),
		balance.WithExclusion(noteExclusion),
	)
	if err != nil {
		return nil, err
	}
	metrics.Watch(balancer)
	creds, expiry, err := clientSecurity(cfg, log)
	if err != nil {
		balancer.Close()
		return nil, fmt.Errorf("TLS: %w", err)
	}
	recorded := newClientStats(cfg.Telemetry)
	conn, err := grpc.NewClient(cfg.Target, append(balancer.DialOptions(),
		grpc.WithTransportCredentials(creds),
		grpc.WithAuthority(authority(cfg)),
		grpc.WithKeepaliveParams(clientKeepalive()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer)),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect(), MinConnectTimeout: connectTimeout}),
		grpc.WithStatsHandler(recorded),
		grpc.WithChainUnaryInterceptor(recorded.unary, unarySendRequestID),
		grpc.WithChainStreamInterceptor(recorded.stream, streamSendRequestID),
	)...)
	if err != nil {
		balancer.Close()
		return nil, fmt.Errorf("target %q: %w", cfg.Target, err)
	}
	conn.Connect()
	if expiry != nil {
		expiry.start()
	}
	return &Client{ClientConn: conn, balancer: balancer, expiry: expiry}, nil
}

// clientSecurity returns the credentials of a client, and the watch over its certificate; nil
// without TLS.
func clientSecurity(cfg ClientConfig, log logr.Logger) (credentials.TransportCredentials, *expiry, error) {
	if !cfg.TLS.Enabled() {
		return insecure.NewCredentials(), nil, nil
	}
	source, err := newTLSSource(cfg.TLS, log)
	if err != nil {
		return nil, nil, err
	}
	failed := newFailures(cfg.Telemetry.Registry, log, "rpc_client_handshakes_failed_total",
		"Connections to replicas that failed", "replica's connection failed")
	// The client goes on: a replica whose clock or CA differs may take it still.
	watch := newExpiry(source, cfg.Telemetry.Registry, log, func(string) {})
	return &clientCredentials{tlsCredentials{source, failed}}, watch, nil
}

// Close closes all connections and waits for the probes to end.
func (c *Client) Close() error {
	c.balancer.Close()
	if c.expiry != nil {
		c.expiry.close()
	}
	return c.ClientConn.Close()
}

// Balance returns a snapshot of the replicas. It is safe for concurrent use.
func (c *Client) Balance() balance.Snapshot {
	list := c.balancer.Snapshots()
	if len(list) == 0 { // closed
		return balance.Snapshot{Target: c.Target(), ListAge: -1}
	}
	return list[0]
}

// noteExclusion adds an event to the span of a call that makes its replica a suspect or ejects it.
func noteExclusion(ctx context.Context, change balance.Change) {
	telemetry.Event(ctx, "replica "+string(change.To), change.Reason)
}

// servedBy returns the name of the replica in an answer of Bookstall.
func servedBy(answer any) string {
	if a, ok := answer.(interface{ GetServedBy() string }); ok {
		return a.GetServedBy()
	}
	return ""
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
