package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/load"
	"bookstall/internal/rpc"
	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/tutorial"
)

// kind is one way to make the call.
type kind struct {
	name string
	call func(context.Context) error
	// connections returns how many connections the replicas have accepted so far;
	// already is how many of them were made for this kind before it was measured.
	connections func() (float64, error)
	already     float64
}

type kinds struct {
	list  []kind
	close func()
}

const (
	overGRPC = "gRPC"
	overREST = "REST, keep-alive"
	overOnce = "REST, a connection a request"
)

// sumOf returns a function that reads a counter of all replicas and adds up the values.
func sumOf(f *fleet.Fleet, metric string) func() (float64, error) {
	return func() (sum float64, err error) {
		for _, r := range f.Replicas() {
			n, err := fleet.Metric(r.Admin, metric)
			if err != nil {
				return 0, err
			}
			sum += n
		}
		return sum, nil
	}
}

const (
	grpcConnections = "rpc_server_connections_total"
	restConnections = "tutorial_rest_connections_total"
)

// waitForConnections waits until the replicas have accepted at least that many
// connections, and returns their number. Clients connect in the background.
func waitForConnections(ctx context.Context, count func() (float64, error), least float64) (float64, error) {
	for {
		if n, err := count(); err != nil || n >= least {
			return n, err
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// clientKinds call the replicas by the shop's own clients, without the shop.
func clientKinds(ctx context.Context, f *fleet.Fleet) (kinds, error) {
	tel := telemetry.New(ctx, "bench", "bench", telemetry.Config{LogLevel: "error"}, io.Discard)
	connections := sumOf(f, grpcConnections)
	before, err := waitForConnections(ctx, connections, replicas) // connections of the shop itself
	if err != nil {
		return kinds{}, err
	}
	grpcTarget, restTarget := f.Targets()
	conn, err := rpc.NewClient(rpc.ClientConfig{
		Target: grpcTarget, Service: "recommendations.v1.RecommendationsService",
		DNSInterval: time.Second, DNSMaxStale: time.Minute, Telemetry: tel,
	})
	if err != nil {
		return kinds{}, err
	}
	after, err := waitForConnections(ctx, connections, before+replicas)
	if err != nil {
		return kinds{}, err
	}
	kept, once := tutorial.NewREST(restTarget, true, tel), tutorial.NewREST(restTarget, false, tel)
	ask := func(process func(context.Context, string) (string, error)) func(context.Context) error {
		return func(ctx context.Context) error {
			name, err := process(ctx, "test")
			if err == nil && name != "TEST" {
				err = fmt.Errorf("got %q", name)
			}
			return err
		}
	}
	rest := sumOf(f, restConnections)
	return kinds{
		list: []kind{
			{overGRPC, ask(tutorial.NewClient(conn).ProcessName), connections, after - before},
			{overREST, ask(kept.ProcessName), rest, 0},
			{overOnce, ask(once.ProcessName), rest, 0},
		},
		close: func() {
			kept.Close()
			once.Close()
			_ = conn.Close() // there is nothing left to deliver
			tel.Close()
		},
	}, nil
}

// shopKinds call the shop, which calls the replicas.
func shopKinds(ctx context.Context, f *fleet.Fleet) (kinds, error) {
	const most = 256
	transport := &http.Transport{MaxIdleConnsPerHost: most}
	client := &http.Client{Transport: transport}
	ask := func(via string) func(context.Context) error {
		return func(ctx context.Context) error {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL+"/api/v1/say-hello?name=test&via="+via, http.NoBody)
			if err != nil {
				return err
			}
			resp, err := client.Do(req)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err == nil && strings.TrimSpace(string(body)) != `"Hello, TEST!"` {
				err = fmt.Errorf("%s: %s", resp.Status, body)
			}
			return err
		}
	}
	connections, rest := sumOf(f, grpcConnections), sumOf(f, restConnections)
	already, err := waitForConnections(ctx, connections, replicas)
	return kinds{
		list: []kind{
			{overGRPC, ask("grpc"), connections, already},
			{overREST, ask("rest"), rest, 0},
			{overOnce, ask("rest-once"), rest, 0},
		},
		close: transport.CloseIdleConnections,
	}, err
}

// measurement is the result of drive.
type measurement struct {
	load.Timed

	connections float64 // connections made during it
}

// drive makes requests, so many at a time, and fails if most of them do.
func drive(ctx context.Context, k kind, atATime, requests int) (measurement, error) {
	before, err := k.connections()
	if err != nil {
		return measurement{}, err
	}
	d := measurement{Timed: load.Drive(ctx, atATime, requests, k.call)}
	if d.Failed > requests/2 {
		return d, fmt.Errorf("%s, %d at a time: %d of %d requests failed: %w", k.name, atATime, d.Failed, requests, d.Err)
	}
	after, err := k.connections()
	d.connections = after - before
	return d, errors.Join(err, ctx.Err())
}
