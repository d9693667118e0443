package rpc

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// openUpload starts an upload without a message.
func openUpload(t *testing.T, conn *grpc.ClientConn) grpc.ClientStream {
	t.Helper()
	stream, err := conn.NewStream(t.Context(), &uploadDesc, testUpload)
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// put sends one message and returns the answer.
func put(conn *grpc.ClientConn) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return putIn(ctx, conn)
}

// putIn does so within a context.
func putIn(ctx context.Context, conn *grpc.ClientConn, opts ...grpc.CallOption) (string, error) {
	stream, err := conn.NewStream(ctx, &uploadDesc, testUpload, opts...)
	if err != nil {
		return "", err
	}
	if err := stream.SendMsg(wrapperspb.String("one")); err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if err := stream.CloseSend(); err != nil {
		return "", err
	}
	answer := new(wrapperspb.StringValue)
	err = stream.RecvMsg(answer)
	return answer.GetValue(), err
}

// limited returns a replica with few slots. Its queue is patient: a call that ends gives its slot
// back when its handler has run, which on a busy machine is not at once.
func limited(t *testing.T, change func(*ServerConfig)) *replica {
	t.Helper()
	r, err := startReplica(t, func(c *ServerConfig) {
		c.Limit = Limit{Concurrent: 2, Queue: 2, Wait: patience / 2, Streams: 2}
		if change != nil {
			change(c)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// An upload without a message holds no slot, and is ended.
func TestSilentUploadsHoldNoSlots(t *testing.T) {
	t.Parallel()
	r := limited(t, nil)
	conn := plainConn(t, r)
	var silent []grpc.ClientStream
	for range 500 {
		silent = append(silent, openUpload(t, conn))
	}
	for range 5 {
		if n, err := put(conn); err != nil || n != "1" {
			t.Fatalf("an upload beside 500 silent ones: %q, %v", n, err)
		}
	}
	for _, s := range silent {
		if err := s.RecvMsg(new(wrapperspb.StringValue)); status.Code(err) != codes.Canceled {
			t.Fatalf("a silent upload ends with %v, want %v", err, codes.Canceled)
		}
	}
}

// An upload that stops between two messages is ended, and gives its slot back.
func TestAnUploadThatStopsIsEnded(t *testing.T) {
	t.Parallel()
	r := limited(t, nil)
	conn := plainConn(t, r)
	began := time.Now()
	for range 2 {
		s := openUpload(t, conn)
		if err := s.SendMsg(wrapperspb.String("one")); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := s.RecvMsg(new(wrapperspb.StringValue)); status.Code(err) != codes.Canceled {
				t.Errorf("an upload that stops ends with %v, want %v", err, codes.Canceled)
			}
			if took := time.Since(began); took < messageTimeout {
				t.Errorf("it ended after %v, want %v", took, messageTimeout)
			}
			if _, err := put(conn); err != nil {
				t.Errorf("an upload after it: %v", err)
			}
		}()
	}
}

// Calls that wait for their first message are bounded, whoever made them, and keep no
// others out.
func TestCallsWithoutAMessageAreBounded(t *testing.T) {
	t.Parallel()
	r := limited(t, nil)
	var streams []grpc.ClientStream
	for range 2 {
		conn := plainConn(t, r) // each connection may have more of them than are allowed in all
		for range maxArriving {
			streams = append(streams, openUpload(t, conn))
		}
		if err := call(conn, patience); err != nil {
			t.Errorf("a call beside %d without a message: %v", len(streams), err)
		}
	}
	if err := streams[0].RecvMsg(new(wrapperspb.StringValue)); status.Code(err) != codes.Canceled {
		t.Errorf("the first of too many calls without a message ends with %v, want %v", err, codes.Canceled)
	}
}

// Of too many calls that wait for their first message, the oldest ends.
func TestTheOldestCallWithoutAMessageMakesRoom(t *testing.T) {
	a := newArrivals(2, time.Minute, prometheus.NewRegistry())
	var calls []context.Context
	for range 3 {
		calls = append(calls, a.tap(t.Context(), nil))
	}
	if calls[0].Err() == nil || calls[1].Err() != nil || calls[2].Err() != nil {
		t.Errorf("errors %v, %v and %v, want one for the first call", calls[0].Err(), calls[1].Err(), calls[2].Err())
	}
	arrivalOf(calls[1]).arrived()
	if a.tap(t.Context(), nil); calls[2].Err() != nil {
		t.Error("a call ends although the message of another has arrived")
	}
	if n := testutil.ToFloat64(a.displaced); n != 1 {
		t.Errorf("%v calls are displaced, want 1", n)
	}
}

// A download that is not read is ended, and gives its slot back.
func TestADownloadThatIsNotReadIsEnded(t *testing.T) {
	t.Parallel()
	r := limited(t, nil)
	conn := plainConn(t, r)
	began := time.Now()
	var unread []grpc.ClientStream
	for range 2 {
		s, err := download(t, conn)
		if err != nil {
			t.Fatal(err)
		}
		unread = append(unread, s)
	}
	r.want(t, `rpc_server_stalled_total{reason="unread"}`, func(n float64) bool { return n == 2 })
	if took := time.Since(began); took < messageTimeout {
		t.Errorf("it is ended after %v, want %v", took, messageTimeout)
	}
	if _, err := download(t, conn); err != nil {
		t.Errorf("a download after them: %v", err)
	}
	for _, s := range unread {
		if err := readAll(s); status.Code(err) != codes.Canceled {
			t.Errorf("a download that is not read ends with %v, want %v", err, codes.Canceled)
		}
	}
}

// Downloads that are not read give way to one that has no slot, the one that has waited
// longest first.
func TestDownloadsThatAreNotReadGiveWay(t *testing.T) {
	t.Parallel()
	full := make(chan struct{}, 3) // a download has filled its window
	large := strings.Repeat("x", 1<<20)
	list := downloadDesc
	list.Handler = func(_ any, ss grpc.ServerStream) error {
		if err := ss.RecvMsg(new(wrapperspb.StringValue)); err != nil {
			return err
		}
		for n, part := range []string{"first", large, large, large} {
			if n == 2 {
				full <- struct{}{}
			}
			if err := ss.SendMsg(wrapperspb.String(part)); err != nil {
				return err
			}
		}
		return nil
	}
	desc := testDesc()
	desc.Streams = []grpc.StreamDesc{list}
	r, err := startVersion(t, "127.0.0.1:0", func(c *ServerConfig) {
		c.Limit = Limit{Concurrent: 2, Queue: 2, Wait: messageTimeout}
	}, desc)
	if err != nil {
		t.Fatal(err)
	}
	var unread []grpc.ClientStream
	for n := range 2 {
		s, err := download(t, plainConn(t, r))
		if err != nil {
			t.Fatal(err)
		}
		<-full
		waitFor(t, "a download that waits for its client", func() bool {
			r.arrivals.mu.Lock()
			defer r.arrivals.mu.Unlock()
			return r.arrivals.unread.Len() == n+1
		})
		unread = append(unread, s)
	}
	third, err := download(t, plainConn(t, r))
	if err != nil {
		t.Fatalf("a download beside two that are not read: %v", err)
	}
	all := []grpc.ClientStream{unread[0], unread[1], third}
	var reading sync.WaitGroup // all at once: while one is read, another would wait too long
	for n, want := range []codes.Code{codes.Canceled, codes.OK, codes.OK} {
		reading.Go(func() {
			if err := readAll(all[n]); status.Code(err) != want {
				t.Errorf("download %d ends with %v, want %v", n, err, want)
			}
		})
	}
	reading.Wait()
}

func TestDownloadsOfAConnectionAreBounded(t *testing.T) {
	t.Parallel()
	r := limited(t, func(c *ServerConfig) { c.Limit.Concurrent = 2 * maxDownloads })
	conn := plainConn(t, r)
	for n := range maxDownloads {
		if _, err := download(t, conn); err != nil {
			t.Fatalf("%d: %v", n, err)
		}
	}
	if _, err := download(t, conn); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("one more: %v, want %v", err, codes.ResourceExhausted)
	}
	if _, err := download(t, plainConn(t, r)); err != nil {
		t.Errorf("on another connection: %v", err)
	}
}

// download begins a download and reads its first message, so that it holds a slot.
func download(t *testing.T, conn *grpc.ClientConn) (grpc.ClientStream, error) {
	t.Helper()
	s, err := conn.NewStream(t.Context(), &downloadDesc, testDownload)
	if err == nil {
		err = s.SendMsg(wrapperspb.String(""))
	}
	if err == nil {
		err = s.CloseSend()
	}
	if err == nil {
		err = s.RecvMsg(new(wrapperspb.StringValue))
	}
	return s, err
}

// readAll reads the rest of a download.
func readAll(s grpc.ClientStream) (err error) {
	for err == nil {
		err = s.RecvMsg(new(wrapperspb.StringValue))
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// A connection is not read while many of its calls have not begun to run.
func TestCallsThatHaveNotBegunAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conns := capConnections(nil, 1, prometheus.NewRegistry())
		ctx := conns.TagConn(t.Context(), &stats.ConnTagInfo{})
		a := newArrivals(maxArriving, time.Minute, prometheus.NewRegistry())
		var calls []context.Context
		var cancels []func()
		go func() {
			for range maxSpawned + 2 {
				of, cancel := context.WithCancel(ctx)
				calls, cancels = append(calls, a.tap(of, nil)), append(cancels, cancel)
			}
		}()
		for n, begin := range []func(){
			func() {},
			func() { arrivalOf(calls[0]).runs() },
			func() { arrivalOf(calls[0]).runs(); cancels[1]() }, // the first counts once; the second will never run
		} {
			begin()
			synctest.Wait()
			if want := maxSpawned + n; len(calls) != want {
				t.Errorf("%d calls are accepted, want %d", len(calls), want)
			}
		}
		for _, cancel := range cancels {
			cancel()
		}
	})
}

// The services of gRPC have few calls on one connection.
func TestCallsOfOtherServicesAreBounded(t *testing.T) {
	t.Parallel()
	r := limited(t, nil)
	conn := plainConn(t, r)
	watch := func() error {
		s, err := healthpb.NewHealthClient(conn).Watch(t.Context(), &healthpb.HealthCheckRequest{})
		if err == nil {
			_, err = s.Recv()
		}
		return err
	}
	for n := range maxOther {
		if err := watch(); err != nil {
			t.Errorf("%d: %v", n, err)
		}
	}
	if err := watch(); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("one more: %v, want %v", err, codes.ResourceExhausted)
	}
	conn = plainConn(t, r)
	if err := watch(); err != nil {
		t.Errorf("on another connection: %v", err)
	}
}

func TestHeadersAndMessagesAreBounded(t *testing.T) {
	r := limited(t, nil)
	conn := plainConn(t, r)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "x-large", strings.Repeat("x", maxHeaders))
	if err := conn.Invoke(ctx, testMethod, wrapperspb.String("hello"), new(wrapperspb.StringValue)); err == nil {
		t.Error("headers of more than 16 kB are accepted")
	}
	err := conn.Invoke(t.Context(), testMethod, wrapperspb.String(strings.Repeat("x", maxMessage)), new(wrapperspb.StringValue))
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a message of more than 64 kB: %v, want %v", err, codes.ResourceExhausted)
	}
	if err := call(conn, patience); err != nil {
		t.Errorf("a call after them: %v", err)
	}
}

// Beyond the limit, the connection that has been without calls longest is closed; one that
// says nothing, in time.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	const limit = 10
	r := limited(t, func(c *ServerConfig) { c.Limit.Connections = limit })
	used := plainConn(t, r)
	if err := call(used, patience); err != nil {
		t.Fatal(err)
	}
	upload := openUpload(t, used) // a call that goes on
	if err := upload.SendMsg(wrapperspb.String("one")); err != nil {
		t.Fatal(err)
	}
	r.want(t, `rpc_server_calls_running{kind="upload"}`, func(n float64) bool { return n == 1 })
	var silent []net.Conn
	for range 3 * limit {
		c, err := net.Dial("tcp", r.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		silent = append(silent, c)
	}
	if err := call(plainConn(t, r), patience); err != nil {
		t.Errorf("a call on a new connection beside %d silent ones: %v", len(silent), err)
	}
	if err := upload.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if err := upload.RecvMsg(new(wrapperspb.StringValue)); err != nil {
		t.Errorf("a call on a connection that is in use: %v", err)
	}
	for _, c := range silent { // none of them has made a handshake
		if err := c.SetReadDeadline(time.Now().Add(handshakeTimeout + 5*time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("a silent connection: %v, want it closed", err)
		}
	}
	r.want(t, `rpc_server_connections_cut_total{reason="idle"}`, func(n float64) bool { return n > limit })
	r.want(t, `rpc_server_connections_cut_total{reason="refused"}`, func(n float64) bool { return n == 0 })
}
