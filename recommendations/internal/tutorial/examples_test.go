package tutorial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	apipb "bookstall/gen/tutorial/api"
	bidirectionalpb "bookstall/gen/tutorial/bidirectional"
	clientstreamingpb "bookstall/gen/tutorial/clientstreaming"
	service1pb "bookstall/gen/tutorial/service1"
	unarypb "bookstall/gen/tutorial/unary"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wire is a client of the examples, which are served on a real socket.
type wire struct {
	*grpc.ClientConn
	sent  atomic.Int64 // messages passed to SendMsg
	ended chan error   // what the handler of each stream returned
}

func newWire(t *testing.T) *wire {
	t.Helper()
	w := &wire{ended: make(chan error, 100)}
	server := grpc.NewServer(grpc.StreamInterceptor(func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		err := next(srv, countedStream{ss, &w.sent})
		w.ended <- err
		return err
	}))
	RegisterExamples(server)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	if w.ClientConn, err = grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.Close()
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return w
}

type countedStream struct {
	grpc.ServerStream
	sent *atomic.Int64
}

func (s countedStream) SendMsg(m any) error {
	s.sent.Add(1)
	return s.ServerStream.SendMsg(m)
}

// end returns what the handler of a stream returned.
func (w *wire) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-w.ended:
		return err
	case <-time.After(30 * time.Second):
		t.Fatal("the handler did not return")
		return nil
	}
}

func TestUnaryExamples(t *testing.T) {
	w := newWire(t)
	hello, err := apipb.NewApiClient(w).SayHello(t.Context(), &apipb.HelloRequest{Name: "Zoë"})
	if err != nil || hello.GetMessage() != "Hello Zoë!" {
		t.Errorf("sayHello: %v, %v", hello, err)
	}
	said, err := unarypb.NewUnaryClient(w).GetServerResponse(t.Context(), &unarypb.Message{Message: `a "b"`})
	if err != nil || said.GetMessage() != `Hello I am up and running received "a "b"" message from you` || !said.GetReceived() {
		t.Errorf("unary: %v, %v", said, err)
	}
	upper, err := service1pb.NewService1Client(w).ProcessName(t.Context(), &service1pb.ProcessNameRequest{Name: "test ë"})
	if err != nil || upper.GetName() != "TEST Ë" {
		t.Errorf("ProcessName: %v, %v", upper, err)
	}
}

// streamed reads a whole stream and checks the order of the items. It returns how
// many there were.
func streamed(ctx context.Context, w *wire, length int32) (n int32, err error) {
	stream, err := apipb.NewApiClient(w).GetStream(ctx, &apipb.ApiRequest{Length: length})
	if err != nil {
		return 0, err
	}
	for {
		item, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, err
		}
		if n++; item.GetId() != n || item.GetName() != fmt.Sprintf("name %d", n) {
			return n, fmt.Errorf("item %d is %v", n, item)
		}
	}
}

func TestListsAreBounded(t *testing.T) {
	w := newWire(t)
	for _, length := range []int32{0, 1, 10, maxAll} {
		all, err := apipb.NewApiClient(w).GetAll(t.Context(), &apipb.ApiRequest{Length: length})
		if err != nil || len(all.GetItems()) != int(length) {
			t.Errorf("getAll %d: %d items, %v", length, len(all.GetItems()), err)
		}
		for i, item := range all.GetItems() {
			if item.GetId() != int32(i+1) || item.GetName() != fmt.Sprintf("name %d", i+1) {
				t.Fatalf("item %d is %v", i+1, item)
			}
		}
		if size := proto.Size(all); size > 1<<20 {
			t.Errorf("getAll %d is %d bytes, want at most 1 MiB; clients accept 4 MiB", length, size)
		}
		if n, err := streamed(t.Context(), w, length); err != nil || n != length {
			t.Errorf("getStream %d: %d items, %v", length, n, err)
		}
	}
	all := func(length int32) error {
		_, err := apipb.NewApiClient(w).GetAll(t.Context(), &apipb.ApiRequest{Length: length})
		return err
	}
	stream := func(length int32) error {
		_, err := streamed(t.Context(), w, length)
		return err
	}
	for _, test := range []struct {
		call   func(int32) error
		length int32
		want   string
	}{
		{all, -1, "length is -1, want 0 to 10000"},
		{all, maxAll + 1, "length is 10001, want 0 to 10000; getStream takes more"},
		{all, math.MaxInt32, "want 0 to 10000"},
		{stream, -1, "length is -1, want 0 to 1000000"},
		{stream, maxStream + 1, "length is 1000001, want 0 to 1000000"},
		{stream, math.MinInt32, "want 0 to 1000000"},
	} {
		err := test.call(test.length)
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%d: %v, want %q", test.length, err, test.want)
			continue
		}
		details := status.Convert(err).Details()
		if bad, ok := details[0].(*errdetails.BadRequest); !ok || bad.GetFieldViolations()[0].GetField() != "length" {
			t.Errorf("%d: details %v", test.length, details)
		}
	}
}

// The flow control windows bound how many items are in flight, however long the
// list is. Each item is checked as soon as it is read, so the server is always as
// far ahead as it can be.
func TestSlowReaderBlocksTheStream(t *testing.T) {
	const (
		length   = 50_000
		itemSize = 5 + 13                   // bytes of most items: header, id, "name 10000"
		windows  = 64<<10 + 64<<10 + 32<<10 // stream window, write quota, data being written
		most     = 2 * windows / itemSize   // twice, because the stream window may grow
		least    = 3000                     // well within the windows
	)
	w := newWire(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stream, err := apipb.NewApiClient(w).GetStream(ctx, &apipb.ApiRequest{Length: length})
	if err != nil {
		t.Fatal(err)
	}
	for w.sent.Load() < least { // nothing is read
		select {
		case <-ctx.Done():
			t.Fatalf("the server sent only %d items", w.sent.Load())
		case <-time.After(time.Millisecond):
		}
	}
	read, furthest := int64(0), int64(0)
	for ; ; read++ {
		furthest = max(furthest, w.sent.Load()-read)
		if _, err := stream.Recv(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if read != length || furthest > most {
		t.Errorf("read %d of %d items; at most %d were in flight, want no more than %d", read, length, furthest, most)
	}
	t.Logf("at most %d items in flight (%d KiB)", furthest, furthest*itemSize>>10)
	if err := w.end(t); err != nil {
		t.Error(err)
	}
}

func TestStreamsEndWhenTheClientDisconnects(t *testing.T) {
	w := newWire(t)
	for name, open := range map[string]func(context.Context) error{
		"getStream": func(ctx context.Context) error {
			stream, err := apipb.NewApiClient(w).GetStream(ctx, &apipb.ApiRequest{Length: maxStream})
			if err != nil {
				return err
			}
			_, err = stream.Recv()
			return err
		},
		"bidirectional": func(ctx context.Context) error {
			stream, err := bidirectionalpb.NewBidirectionalClient(w).GetServerResponse(ctx)
			if err != nil {
				return err
			}
			if err := stream.Send(&bidirectionalpb.Message{Message: "a"}); err != nil {
				return err
			}
			_, err = stream.Recv()
			return err
		},
		"client streaming": func(ctx context.Context) error {
			stream, err := clientstreamingpb.NewClientStreamingClient(w).GetServerResponse(ctx)
			if err != nil {
				return err
			}
			return stream.Send(&clientstreamingpb.Message{Message: "a"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if err := open(ctx); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-w.ended:
				t.Fatalf("the stream ended before the client disconnected: %v", err)
			default:
			}
			cancel()
			if err := w.end(t); err == nil {
				t.Error("the handler returned no error")
			}
			if sent := w.sent.Swap(0); sent > maxStream/2 {
				t.Errorf("%d items were sent after the client had disconnected", sent)
			}
		})
	}
}

// Each answer is read before the next message is sent, so the server cannot wait
// for the end of the client's stream.
func TestBidirectionalAnswersWhileTheClientSends(t *testing.T) {
	w := newWire(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	stream, err := bidirectionalpb.NewBidirectionalClient(w).GetServerResponse(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		want := fmt.Sprintf("message %d", i)
		if err := stream.Send(&bidirectionalpb.Message{Message: want}); err != nil {
			t.Fatal(err)
		}
		if got, err := stream.Recv(); err != nil || got.GetMessage() != want {
			t.Fatalf("%v, %v; want %q", got, err, want)
		}
	}
	// Then many are sent before the first is read. They come back in order.
	for i := range 100 {
		if err := stream.Send(&bidirectionalpb.Message{Message: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if got, err := stream.Recv(); err != nil || got.GetMessage() != fmt.Sprint(i) {
			t.Fatalf("%v, %v; want %d", got, err, i)
		}
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("Recv after the last message: %v, want io.EOF", err)
	}
	if err := w.end(t); err != nil {
		t.Error(err)
	}
}

func TestClientStreaming(t *testing.T) {
	w := newWire(t)
	for _, n := range []int{0, 1, 1000} {
		stream, err := clientstreamingpb.NewClientStreamingClient(w).GetServerResponse(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if err := stream.Send(&clientstreamingpb.Message{Message: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
		resp, err := stream.CloseAndRecv()
		want := fmt.Sprintf("Hello I am up and running received %d messages from you", n)
		if err != nil || resp.GetCount() != int64(n) || resp.GetMessage() != want || resp.GetReceived() != (n > 0) {
			t.Errorf("%d messages: %v, %v", n, resp, err)
		}
	}
}
