package tutorial

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/metric/noop"

	"bookstall/balance"
	"bookstall/internal/telemetry"
)

const (
	lookupInterval = 2 * time.Second
	connectTimeout = time.Second
	idleTimeout    = 90 * time.Second
	maxIdle        = 256 // connections to one replica
	maxAnswer      = 64 << 10
)

// REST makes the call of Client.ProcessName over HTTP/1.1, for comparison. It resolves
// the same name, uses the replicas in turn, and tries the next one if a connection
// fails.
type REST struct {
	target    string
	transport *http.Transport
	client    *http.Client

	mu       sync.Mutex
	replicas []netip.AddrPort
	resolved time.Time // time of the last DNS lookup
	turn     int
}

// NewREST returns a client of the replicas behind target, a dial target as for gRPC.
// With keepAlive it reuses connections; without, it opens one for each request, as a
// program does that creates a client per request.
func NewREST(target string, keepAlive bool, tel *telemetry.Telemetry) *REST {
	dialer := &net.Dialer{Timeout: connectTimeout}
	transport := &http.Transport{ // no Proxy: it would hide the replicas
		DialContext:         dialer.DialContext,
		DisableKeepAlives:   !keepAlive,
		DisableCompression:  true,
		MaxIdleConns:        0, // no limit besides the one per host
		MaxIdleConnsPerHost: maxIdle,
		IdleConnTimeout:     idleTimeout,
	}
	return &REST{
		target: target, transport: transport,
		client: &http.Client{Transport: otelhttp.NewTransport(transport,
			otelhttp.WithTracerProvider(tel.TracerProvider),
			otelhttp.WithPropagators(tel.Propagator),
			otelhttp.WithMeterProvider(noop.NewMeterProvider()),
		)},
	}
}

// Close closes idle connections.
func (c *REST) Close() { c.transport.CloseIdleConnections() }

// ProcessName returns a name in upper case.
func (c *REST) ProcessName(ctx context.Context, name string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	const attempts = 3
	var err error
	for range attempts {
		var replica netip.AddrPort
		if replica, err = c.next(ctx); err != nil {
			break
		}
		var answer string
		var dialing *net.OpError
		if answer, err = c.ask(ctx, replica, name); err == nil {
			return answer, nil
		} else if !errors.As(err, &dialing) || dialing.Op != "dial" {
			break // it was reached, so the request may have been processed
		}
	}
	return "", fmt.Errorf("process-name: %w: %w", ErrAway, err)
}

// next returns the replica whose turn it is. Concurrent callers wait while one of them
// looks up DNS.
func (c *REST) next(ctx context.Context) (netip.AddrPort, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.resolved) > lookupInterval {
		list, err := balance.Addresses(ctx, c.target)
		if err != nil && len(c.replicas) == 0 {
			return netip.AddrPort{}, err
		} else if err == nil {
			c.replicas = list // on an error, keep the previous ones
		}
		c.resolved = time.Now()
	}
	c.turn++
	return c.replicas[c.turn%len(c.replicas)], nil
}

func (c *REST) ask(ctx context.Context, replica netip.AddrPort, name string) (string, error) {
	to := url.URL{Scheme: "http", Host: replica.String(), Path: "/api/v1/process-name", RawQuery: url.Values{"name": {name}}.Encode()}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to.String(), http.NoBody)
	if err != nil {
		return "", err
	}
	if id := telemetry.RequestID(ctx); id != "" {
		req.Header.Set(telemetry.RequestIDHeader, id)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // read to the end, so that the connection can be reused
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %s", resp.Status)
	}
	var answer struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", fmt.Errorf("answer: %w", err)
	}
	return answer.Name, nil
}
