package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/internal/admin"
	"bookstall/internal/config"
	"bookstall/internal/lifecycle"
	"bookstall/internal/otlpsink"
	"bookstall/internal/rpc"
	"bookstall/internal/telemetry"
)

// Kinds of Contender.
const (
	bareGRPC  = "grpc"      // grpc-go alone: no interceptor, no metric, answers as a replica gave them
	bareFront = "front"     // net/http alone, which asks a gRPC server and answers with the shop's JSON
	bareHTTP  = "http"      // net/http alone, which answers with the bytes that the shop answered with
	ourServer = "server"    // the server of package rpc, with the answers of bareGRPC
	collector = "collector" // receives traces and throws them away
)

// Layers that ourServer can do without.
const (
	accessLog = "log"
	metrics   = "metrics"
)

const (
	service = "recommendations.v1.RecommendationsService"
	// readers is how many readers are asked for: those with the ids from 1.
	readers = 1000
	// askTimeout bounds what a contender asks of another process.
	askTimeout = 5 * time.Second
)

// Contender is a process that bench compares with the programs, or that they need.
type Contender struct {
	Kind    string   `arg:"" help:"grpc, front, http, server or collector." enum:"grpc,front,http,server,collector"`
	Name    string   `help:"Name in logs and traces." default:"contender"`
	Ask     string   `help:"Whom to ask: the replica whose answers to give, the server behind the front, or the shop." placeholder:"HOST:PORT"`
	Books   int32    `help:"How many books to answer with." default:"10"`
	Without []string `help:"Layers that the server does without: log, metrics." enum:"log,metrics"`
}

// Run serves until ctx ends.
func (c *Contender) Run(ctx context.Context, to config.Streams) (err error) {
	level := "info"
	if c.without(accessLog) {
		level = "warn"
	}
	tel := telemetry.New(ctx, "contender", c.Name, telemetry.Config{LogLevel: level, LogFormat: "json"}, to.Err)
	defer tel.Close()
	ready := lifecycle.NewReadiness()
	ready.Set(true, "")
	group := lifecycle.Group{Log: tel.Log, Readiness: ready}
	defer func() { err = errors.Join(err, group.Close()) }()
	adminServer, err := admin.Listen(admin.Config{Address: anyPort, Readiness: ready, Registry: tel.Registry, Log: tel.Log})
	if err != nil {
		return err
	}
	group.Add(lifecycle.Part{Name: "admin", Run: adminServer.Serve, Stop: adminServer.Stop, StopTimeout: time.Second, Close: adminServer.Close})
	part, address, err := c.part(ctx, tel, ready)
	if err != nil {
		return err
	}
	part.Name, part.StopTimeout = c.Kind, time.Second
	group.Add(part)
	// The keys of both programs, whichever it serves.
	line, err := json.Marshal(map[string]string{"msg": "listening", "grpcAddress": address, "httpAddress": address, "adminAddress": adminServer.Addr().String()})
	if err != nil {
		return err
	}
	fmt.Fprintf(to.Err, "%s\n", line) // also if the log has no access lines
	return group.Run(ctx)
}

const anyPort = "127.0.0.1:0"

func (c *Contender) without(layer string) bool { return slices.Contains(c.Without, layer) }

// part returns what the contender serves, and its address.
func (c *Contender) part(ctx context.Context, tel *telemetry.Telemetry, ready *lifecycle.Readiness) (lifecycle.Part, string, error) {
	switch c.Kind {
	case bareFront:
		return frontPart(c.Ask)
	case bareHTTP:
		return httpPart(&copies{shop: "http://" + c.Ask, client: http.Client{Timeout: askTimeout}})
	case collector:
		sink, err := otlpsink.Listen(anyPort, func(otlpsink.Span) {})
		if err != nil {
			return lifecycle.Part{}, "", err
		}
		closed := make(chan struct{})
		return lifecycle.Part{
			Run:   func() error { <-closed; return nil },
			Stop:  func(context.Context) error { close(closed); return sink.Close() },
			Close: sink.Close,
		}, sink.Endpoint(), nil
	}
	answers, err := fetchAnswers(ctx, c.Ask, c.Books)
	if err != nil {
		return lifecycle.Part{}, "", err
	}
	if c.Kind == ourServer {
		return c.serverPart(answers, tel, ready)
	}
	listener, err := net.Listen("tcp", anyPort)
	if err != nil {
		return lifecycle.Part{}, "", err
	}
	server := grpc.NewServer()
	recommendationsv1.RegisterRecommendationsServiceServer(server, answers)
	return lifecycle.Part{
		Run:   func() error { return server.Serve(listener) },
		Stop:  func(context.Context) error { server.Stop(); return nil },
		Close: listener.Close,
	}, listener.Addr().String(), nil
}

// serverPart is the replicas' server with their limits, without the layers that c leaves out.
func (c *Contender) serverPart(answers *answers, tel *telemetry.Telemetry, ready *lifecycle.Readiness) (lifecycle.Part, string, error) {
	server, err := rpc.NewServer(rpc.ServerConfig{
		Address: anyPort, Service: service, Reads: func(string) bool { return true },
		Limit:     rpc.Limit{Concurrent: 256, Queue: 256, Wait: 100 * time.Millisecond, Streams: 4000, Connections: 1000},
		Readiness: ready, Telemetry: tel, Unmeasured: c.without(metrics),
	})
	if err != nil {
		return lifecycle.Part{}, "", err
	}
	recommendationsv1.RegisterRecommendationsServiceServer(server, answers)
	return lifecycle.Part{Run: server.Serve, Stop: server.Stop, Close: server.Close}, server.Addr().String(), nil
}

// answers are those that a replica gave, by reader.
type answers struct {
	recommendationsv1.UnimplementedRecommendationsServiceServer

	of [readers + 1]*recommendationsv1.RecommendResponse
}

// fetchAnswers asks a replica for the shelf of each reader.
func fetchAnswers(ctx context.Context, replica string, books int32) (*answers, error) {
	conn, err := dial(replica)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	client := recommendationsv1.NewRecommendationsServiceClient(conn)
	a := &answers{}
	for reader := int64(1); reader <= readers; reader++ {
		if a.of[reader], err = client.Recommend(ctx, &recommendationsv1.RecommendRequest{UserId: reader, MaxResults: books}); err != nil {
			return nil, fmt.Errorf("reader %d: %w", reader, err)
		}
	}
	return a, nil
}

// Recommend implements the service.
func (a *answers) Recommend(_ context.Context, req *recommendationsv1.RecommendRequest) (*recommendationsv1.RecommendResponse, error) {
	if id := req.GetUserId(); id < 1 || id > readers {
		return nil, status.Error(codes.NotFound, "no such reader")
	}
	return a.of[req.GetUserId()], nil
}

func dial(address string) (*grpc.ClientConn, error) {
	return grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
}

func httpPart(handler http.Handler) (lifecycle.Part, string, error) {
	listener, err := net.Listen("tcp", anyPort)
	if err != nil {
		return lifecycle.Part{}, "", err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: askTimeout}
	return lifecycle.Part{
		Run: func() error {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		},
		Stop:  func(context.Context) error { return server.Close() },
		Close: listener.Close,
	}, listener.Addr().String(), nil
}

// The JSON of the shop's API.
type (
	shelfJSON struct {
		Recommendations []bookJSON `json:"recommendations"`
		Source          string     `json:"source"`
		ServedBy        string     `json:"served_by"`
	}
	bookJSON struct {
		ID         int64    `json:"id"`
		Title      string   `json:"title"`
		Author     string   `json:"author"`
		Categories []string `json:"categories"`
		Score      float64  `json:"score"`
		Reason     string   `json:"reason"`
	}
)

// frontPart answers requests for a reader's recommendations as the shop does, with what the
// gRPC server at that address answers.
func frontPart(server string) (lifecycle.Part, string, error) {
	conn, err := dial(server)
	if err != nil {
		return lifecycle.Part{}, "", err
	}
	client := recommendationsv1.NewRecommendationsServiceClient(conn)
	part, address, err := httpPart(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
		defer cancel()
		query := r.URL.Query()
		reader, err := strconv.ParseInt(query.Get("user_id"), 10, 64)
		books, booksErr := strconv.ParseInt(query.Get("max_results"), 10, 32)
		if err = errors.Join(err, booksErr); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer, err := client.Recommend(ctx, &recommendationsv1.RecommendRequest{UserId: reader, MaxResults: int32(books)})
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(newShelfJSON(answer)) // the client has disconnected
	}))
	stop := part.Stop
	part.Stop = func(ctx context.Context) error { return errors.Join(stop(ctx), conn.Close()) }
	return part, address, err
}

func newShelfJSON(answer *recommendationsv1.RecommendResponse) shelfJSON {
	s := shelfJSON{Source: "popular", ServedBy: answer.GetServedBy(), Recommendations: []bookJSON{}}
	if answer.GetSource() == recommendationsv1.Source_SOURCE_PERSONAL {
		s.Source = "personal"
	}
	for _, b := range answer.GetRecommendations() {
		reason := "Popular with readers"
		if b.GetBecause() != nil {
			reason = "Because you like " + b.GetBecause().GetTitle()
		}
		s.Recommendations = append(s.Recommendations, bookJSON{b.GetBookId(), b.GetTitle(), b.GetAuthor(), b.GetCategories(), b.GetScore(), reason})
	}
	return s
}

// copies answers each address with the page that the shop answered with the first time.
type copies struct {
	shop   string
	client http.Client
	kept   sync.Map // from path and query to a body
}

func (c *copies) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kept, ok := c.kept.Load(r.RequestURI)
	if !ok {
		body, err := fetch(r.Context(), &c.client, c.shop+r.RequestURI)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		kept, _ = c.kept.LoadOrStore(r.RequestURI, body)
	}
	body := kept.([]byte)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) //nolint:gosec // a page of the shop; an error means that the client has disconnected
}
