package recommend

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/marketplace/internal/catalog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a recommendations service whose answers the test sets.
type fake struct {
	recommendationsv1.UnimplementedRecommendationsServiceServer

	mu        sync.Mutex
	recommend func(context.Context, *recommendationsv1.RecommendRequest) (*recommendationsv1.RecommendResponse, error)
	history   func(context.Context, *recommendationsv1.GetHistoryRequest) (*recommendationsv1.GetHistoryResponse, error)
	record    func(context.Context, *recommendationsv1.Interaction) (*recommendationsv1.RecordInteractionsResponse, error)
	recordAll func([]*recommendationsv1.Interaction) (*recommendationsv1.RecordInteractionsResponse, error)
	forget    func(context.Context, *recommendationsv1.ForgetReaderRequest) (*recommendationsv1.ForgetReaderResponse, error)
	follow    func(*recommendationsv1.FollowStart, followStream) error
	similar   func(context.Context, *recommendationsv1.SimilarBooksRequest) (*recommendationsv1.SimilarBooksResponse, error)
	version   string
	titles    []string // titles of the books that ListBooks sends, by id
	announce  int      // number of further books that the header announces
	readOnly  bool
	listErr   error
	findErr   error
	finds     int // calls of FindReader
	lists     int
}

func (f *fake) Recommend(ctx context.Context, req *recommendationsv1.RecommendRequest) (*recommendationsv1.RecommendResponse, error) {
	f.mu.Lock()
	do := f.recommend
	f.mu.Unlock()
	return do(ctx, req)
}

func (f *fake) SimilarBooks(ctx context.Context, req *recommendationsv1.SimilarBooksRequest) (*recommendationsv1.SimilarBooksResponse, error) {
	return f.similar(ctx, req)
}

type followStream = grpc.BidiStreamingServer[recommendationsv1.FollowRequest, recommendationsv1.FollowResponse]

func (f *fake) GetHistory(ctx context.Context, req *recommendationsv1.GetHistoryRequest) (*recommendationsv1.GetHistoryResponse, error) {
	return f.history(ctx, req)
}

// FindReader knows readers by the length of their ids, and fails while f.findErr is set.
func (f *fake) FindReader(_ context.Context, req *recommendationsv1.FindReaderRequest) (*recommendationsv1.FindReaderResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.finds++
	if f.findErr != nil {
		return nil, f.findErr
	}
	id := int64(len(req.GetExternalId()))
	if !req.GetAdd() {
		id = 0
	}
	return &recommendationsv1.FindReaderResponse{UserId: id}, nil
}

func (f *fake) ForgetReader(ctx context.Context, req *recommendationsv1.ForgetReaderRequest) (*recommendationsv1.ForgetReaderResponse, error) {
	return f.forget(ctx, req)
}

// RecordInteractions expects a single interaction, unless the test takes lists.
func (f *fake) RecordInteractions(
	stream grpc.ClientStreamingServer[recommendationsv1.RecordInteractionsRequest, recommendationsv1.RecordInteractionsResponse],
) error {
	if f.recordAll != nil {
		return f.recordList(stream)
	}
	req, err := stream.Recv()
	if err != nil {
		return err
	}
	resp, err := f.record(stream.Context(), req.GetInteraction())
	if err != nil {
		return err
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		return status.Errorf(codes.Internal, "after one interaction: %v", err)
	}
	return stream.SendAndClose(resp)
}

func (f *fake) recordList(
	stream grpc.ClientStreamingServer[recommendationsv1.RecordInteractionsRequest, recommendationsv1.RecordInteractionsResponse],
) error {
	var list []*recommendationsv1.Interaction
	for {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		list = append(list, req.GetInteraction())
	}
	resp, err := f.recordAll(list)
	if err != nil {
		return err
	}
	return stream.SendAndClose(resp)
}

func (f *fake) Follow(stream followStream) error {
	req, err := stream.Recv()
	if err != nil {
		return err
	}
	return f.follow(req.GetStart(), stream)
}

func (f *fake) ListBooks(req *recommendationsv1.ListBooksRequest, stream grpc.ServerStreamingServer[recommendationsv1.ListBooksResponse]) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lists++
	if f.listErr != nil {
		return f.listErr
	}
	header := &recommendationsv1.CatalogHeader{Version: f.version, Unchanged: req.GetIfVersion() == f.version, ReadOnly: f.readOnly}
	page := &recommendationsv1.BookPage{}
	if !header.GetUnchanged() {
		header.BookCount = int32(len(f.titles) + f.announce)
		header.SampleReaders = []*recommendationsv1.SampleReader{{UserId: 1, Label: "Synthetic reader 1"}}
		for i, title := range f.titles {
			page.Books = append(page.Books, &recommendationsv1.Book{
				Id: int64(i + 1), Title: title, Author: "Author", Categories: []string{"fantasy"}, Popularity: int64(100 - i),
			})
		}
	}
	if err := stream.Send(&recommendationsv1.ListBooksResponse{Part: &recommendationsv1.ListBooksResponse_Header{Header: header}}); err != nil {
		return err
	}
	if len(page.GetBooks()) == 0 {
		return nil
	}
	return stream.Send(&recommendationsv1.ListBooksResponse{Part: &recommendationsv1.ListBooksResponse_Page{Page: page}})
}

func (f *fake) set(change func(*fake)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *fake) listed() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lists
}

// connect serves f on a real listener. It returns a client, with deadlines that only a
// hanging call misses, and its feed, which is not running.
func connect(t *testing.T, f *fake, file string) (*Client, *Feed) {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := grpc.NewServer()
	recommendationsv1.RegisterRecommendationsServiceServer(srv, f)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(lis) }()
	conn, err := grpc.NewClient(lis.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		srv.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return New(Config{
		Conn: conn, Catalog: catalog.New(), Timeout: time.Minute, WriteTimeout: time.Minute, File: file,
		Log: testr.New(t), Registry: prometheus.NewRegistry(), TracerProvider: noop.NewTracerProvider(),
	})
}

// runFeed runs the feed until the test ends.
func runFeed(t *testing.T, f *Feed) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f.Run() }()
	t.Cleanup(func() {
		if err := f.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// followed follows a shelf to the end.
func (c *Client) followed(ctx context.Context, q FollowQuery, show func(Change) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := make(chan error, 1)
	c.Follow(ctx, q, show, func(e error) { err <- e })
	return <-err
}
