package tutorial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	apipb "bookstall/gen/tutorial/api"
	bidirectionalpb "bookstall/gen/tutorial/bidirectional"
	"bookstall/internal/dnsserver"
	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/web/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newTelemetry(t *testing.T) *telemetry.Telemetry {
	t.Helper()
	tel := telemetry.New(t.Context(), "marketplace", "test", telemetry.Config{LogLevel: "info"}, t.Output())
	t.Cleanup(tel.Close)
	return tel
}

// restReplica is a server on one loopback address that counts requests and connections.
type restReplica struct {
	requests, connections atomic.Int64
	id                    atomic.Value
}

func startRESTReplica(t *testing.T, address string, answer http.HandlerFunc) *restReplica {
	t.Helper()
	r := &restReplica{}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("SKIP (counted): this machine has no %s: %v", address, err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.requests.Add(1)
		r.id.Store(req.Header.Get("X-Request-ID"))
		answer(w, req)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			r.connections.Add(1)
		}
	}
	_ = server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return r
}

func upper(w http.ResponseWriter, r *http.Request) {
	_, _ = fmt.Fprintf(w, `{"name":%q}`, strings.ToUpper(r.URL.Query().Get("name")))
}

// freePort returns a port that is free on 127.0.8.1.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.8.1:0")
	if err != nil {
		t.Skipf("SKIP (counted): this machine has no 127.0.8.1: %v", err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func TestRESTUsesTheReplicasInTurn(t *testing.T) {
	port := freePort(t)
	dns, err := dnsserver.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer dns.Close()
	first := startRESTReplica(t, "127.0.8.1:"+port, upper)
	second := startRESTReplica(t, "127.0.8.2:"+port, upper)
	dns.SetA("books.test.", netip.MustParseAddr("127.0.8.1"), netip.MustParseAddr("127.0.8.2"), netip.MustParseAddr("127.0.8.3")) // nothing listens on the third
	target := "dns://" + dns.Addr() + "/books.test.:" + port
	tel := newTelemetry(t)

	const n = 30
	ctx := telemetry.WithRequestID(t.Context(), "rest-test-1")
	for _, test := range []struct {
		keepAlive   bool
		connections int64
	}{{true, 2}, {false, n}} {
		connections := first.connections.Load() + second.connections.Load()
		client := NewREST(target, test.keepAlive, tel)
		for range n {
			if name, err := client.ProcessName(ctx, "zoë & co"); err != nil || name != "ZOË & CO" {
				t.Fatalf("%q, %v", name, err)
			}
		}
		client.Close()
		if made := first.connections.Load() + second.connections.Load() - connections; made != test.connections {
			t.Errorf("keep-alive %v: %d connections for %d requests, want %d", test.keepAlive, made, n, test.connections)
		}
	}
	for _, r := range []*restReplica{first, second} {
		if got := r.requests.Load(); got < n/3 || r.id.Load() != "rest-test-1" {
			t.Errorf("a replica got %d of %d requests, the last with id %v", got, 2*n, r.id.Load())
		}
	}
}

func TestRESTFails(t *testing.T) {
	port := freePort(t)
	startRESTReplica(t, "127.0.8.1:"+port, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("name") {
		case "status":
			w.WriteHeader(http.StatusTeapot)
		case "text":
			_, _ = w.Write([]byte("hello"))
		case "cut":
			panic(http.ErrAbortHandler)
		}
	})
	tel := newTelemetry(t)
	for name, target := range map[string]string{
		"status": "127.0.8.1:" + port, "text": "127.0.8.1:" + port, "cut": "127.0.8.1:" + port, "nobody": "127.0.8.9:" + port,
	} {
		client := NewREST("dns:///"+target, true, tel)
		if got, err := client.ProcessName(t.Context(), name); !errors.Is(err, ErrAway) || got != "" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		client.Close()
	}
}

// brokenStream is a server whose stream fails after the first item.
type brokenStream struct{ apipb.UnimplementedApiServer }

func (brokenStream) GetStream(_ *apipb.ApiRequest, stream grpc.ServerStreamingServer[apipb.Item]) error {
	if err := stream.Send(&apipb.Item{Id: 1, Name: "one"}); err != nil {
		return err
	}
	return errors.New("10.1.2.3 broke")
}

// echoOnce is a server that answers the first message and ends the stream.
type echoOnce struct {
	bidirectionalpb.UnimplementedBidirectionalServer
}

func (echoOnce) GetServerResponse(stream grpc.BidiStreamingServer[bidirectionalpb.Message, bidirectionalpb.Message]) error {
	m, err := stream.Recv()
	if err != nil {
		return err
	}
	return stream.Send(m)
}

func dial(t *testing.T, register func(grpc.ServiceRegistrar)) *Client {
	t.Helper()
	server := grpc.NewServer()
	register(server)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return NewClient(conn)
}

// When the server ends the stream early, the call ends and nothing is sent any more.
func TestEchoEndsWithTheServer(t *testing.T) {
	c := dial(t, func(to grpc.ServiceRegistrar) { bidirectionalpb.RegisterBidirectionalServer(to, echoOnce{}) })
	many := make([]string, 100_000)
	for i := range many {
		many[i] = "a message that is not read"
	}
	got := 0
	if err := c.Echo(t.Context(), many, func(string) { got++ }); err != nil || got != 1 {
		t.Errorf("%d messages came back, %v", got, err)
	}
}

func TestErrorsOfCalls(t *testing.T) {
	off := dial(t, func(grpc.ServiceRegistrar) {})
	ctx := t.Context()
	gone, cancel := context.WithCancel(ctx)
	cancel()
	for name, call := range map[string]func(context.Context, *Client) error{
		"Recommend":   func(ctx context.Context, c *Client) error { _, err := c.Recommend(ctx, 1); return err },
		"SayHello":    func(ctx context.Context, c *Client) error { _, err := c.SayHello(ctx, "a"); return err },
		"GetAll":      func(ctx context.Context, c *Client) error { _, err := c.GetAll(ctx, 1); return err },
		"GetStream":   func(ctx context.Context, c *Client) error { return c.GetStream(ctx, 1, func(Item) {}) },
		"Tell":        func(ctx context.Context, c *Client) error { _, err := c.Tell(ctx, "a"); return err },
		"TellAll":     func(ctx context.Context, c *Client) error { _, err := c.TellAll(ctx, []string{"a"}); return err },
		"Echo":        func(ctx context.Context, c *Client) error { return c.Echo(ctx, []string{"a"}, func(string) {}) },
		"ProcessName": func(ctx context.Context, c *Client) error { _, err := c.ProcessName(ctx, "a"); return err },
	} {
		if err := call(ctx, off); !errors.Is(err, ErrOff) {
			t.Errorf("%s on a server without the examples: %v", name, err)
		}
		if err := call(gone, off); !errors.Is(err, ErrAway) {
			t.Errorf("%s after its context was cancelled: %v", name, err)
		}
	}
	broken := dial(t, func(to grpc.ServiceRegistrar) { apipb.RegisterApiServer(to, brokenStream{}) })
	items := 0
	err := broken.GetStream(ctx, 5, func(Item) { items++ })
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, ErrAway) || errors.Is(err, ErrOff) || items != 1 {
		t.Errorf("a stream that breaks: %d items, %v", items, err)
	}
}

// The page accepts any input and shows an apology for each failed call.
func TestThePageAcceptsAnyInput(t *testing.T) {
	e := Extras(Config{Client: dial(t, func(grpc.ServiceRegistrar) {}), Telemetry: newTelemetry(t)})
	ask := func(query string) string {
		t.Helper()
		answer, err := e[0].Answer(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/tutorial?"+query, nil))
		if err != nil {
			t.Fatal(err)
		}
		var page strings.Builder
		if err := answer.Main.Render(t.Context(), &page); err != nil {
			t.Fatal(err)
		}
		return page.String()
	}
	if page := ask(""); strings.Count(page, "must run with --tutorial too") != 4 {
		t.Errorf("without input:\n%s", page)
	}
	if page := ask("say=%ff%00<b>&say=2"); strings.Count(page, "must run with --tutorial too") != 7 || strings.Contains(page, "<b>") {
		t.Errorf("with invalid input:\n%s", page)
	}
	if page := ask("say=" + strings.Repeat("ä", 1000)); strings.Count(page, "ä") != maxSaid {
		t.Errorf("%d characters are kept, want %d", strings.Count(page, "ä"), maxSaid)
	}
	var refusal *problem.Refusal
	_, err := e[1].Answer(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/say-hello?name=a", nil))
	if !errors.As(err, &refusal) || refusal.Status != http.StatusNotImplemented || !strings.Contains(refusal.Detail, "--tutorial") {
		t.Errorf("say-hello: %v", err)
	}
}
