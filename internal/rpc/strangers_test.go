package rpc

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
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
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	stream, err := conn.NewStream(ctx, &uploadDesc, testUpload)
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

// limited returns a replica with few slots.
func limited(t *testing.T, change func(*ServerConfig)) *replica {
	t.Helper()
	r, err := startReplica(t, func(c *ServerConfig) {
		c.Limit = Limit{Concurrent: 2, Queue: 2, Wait: 100 * time.Millisecond, Streams: 2}
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

// Calls that wait for their first message are bounded, whoever made them.
func TestCallsWithoutAMessageAreBounded(t *testing.T) {
	t.Parallel()
	r := limited(t, nil)
	refused := 0
	for range 2 {
		conn := plainConn(t, r) // each connection may have more of them than are allowed in all
		for range maxArriving {
			s := openUpload(t, conn)
			go func() { _ = s.RecvMsg(new(wrapperspb.StringValue)) }()
		}
		if err := call(conn, 2*time.Second); status.Code(err) == codes.ResourceExhausted {
			refused++
		} else if err != nil {
			t.Error(err)
		}
	}
	if refused == 0 {
		t.Error("no call was refused")
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
	if err := call(conn, 2*time.Second); err != nil {
		t.Errorf("a call after them: %v", err)
	}
}

// A connection beyond the limit is closed at once; one that says nothing, in time.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	const limit = 10
	r := limited(t, func(c *ServerConfig) { c.Limit.Connections = limit })
	var idle []net.Conn
	for range limit {
		c, err := net.Dial("tcp", r.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		idle = append(idle, c)
	}
	beyond, err := net.Dial("tcp", r.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer beyond.Close()
	if err := beyond.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(beyond); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a connection beyond the limit: %v, want it closed", err)
	}
	for _, c := range idle { // none of them has made a handshake
		if err := c.SetReadDeadline(time.Now().Add(handshakeTimeout + 5*time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("a silent connection: %v, want it closed", err)
		}
	}
	if err := call(plainConn(t, r), 2*time.Second); err != nil {
		t.Errorf("a call after them: %v", err)
	}
}
