package system

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	apipb "bookstall/gen/tutorial/api"
	"bookstall/internal/lab/fleet"
)

func openStream(ctx context.Context, t *testing.T, r *fleet.Replica, length int32) grpc.ServerStreamingClient[apipb.Item] {
	t.Helper()
	conn, err := grpc.NewClient(r.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	stream, err := apipb.NewApiClient(conn).GetStream(ctx, &apipb.ApiRequest{Length: length})
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// rss returns the resident memory of a replica in MB.
func rss(t *testing.T, r *fleet.Replica) float64 {
	t.Helper()
	bytes, err := fleet.Metric(r.Admin, "process_resident_memory_bytes")
	if err != nil {
		t.Fatal(err)
	}
	return bytes / 1e6
}

// drain reads a stream to its end and returns the largest resident memory of the
// replica, of several samples on the way. It reads frames: with the race detector,
// grpc takes most of the test's time for its messages.
func drain(t *testing.T, r *fleet.Replica, length int) (peak float64) {
	t.Helper()
	conn, err := net.Dial("tcp", r.GRPC)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	frames := http2.NewFramer(conn, bufio.NewReader(conn))
	frames.SetReuseFrames()
	request, err := proto.Marshal(&apipb.ApiRequest{Length: int32(length)})
	if err != nil {
		t.Fatal(err)
	}
	var head bytes.Buffer
	fields := hpack.NewEncoder(&head)
	for _, f := range [][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":path", apipb.Api_GetStream_FullMethodName}, {":authority", r.GRPC},
		{"content-type", "application/grpc"}, {"te", "trailers"},
	} {
		_ = fields.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}) // to memory: cannot fail
	}
	_, err = io.WriteString(conn, http2.ClientPreface)
	if err := errors.Join(err, frames.WriteSettings(),
		frames.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head.Bytes(), EndHeaders: true}),
		frames.WriteData(1, true, message(request))); err != nil {
		t.Fatal(err)
	}
	var rest []byte // of the messages that came
	for n, taken := 0, uint32(0); ; {
		frame, err := frames.ReadFrame()
		if err != nil {
			t.Fatalf("after %d items of %d: %v", n, length, err)
		}
		switch f := frame.(type) {
		case *http2.DataFrame:
			rest = append(rest, f.Data()...)
			for ; len(rest) >= 5 && len(rest) >= 5+int(binary.BigEndian.Uint32(rest[1:])); n++ {
				rest = rest[5+binary.BigEndian.Uint32(rest[1:]):]
				if n%(length/5) == 0 {
					peak = max(peak, rss(t, r))
				}
			}
			if taken += f.Length; taken > 16<<10 {
				err = errors.Join(frames.WriteWindowUpdate(0, taken), frames.WriteWindowUpdate(1, taken))
				taken = 0
			}
		case *http2.SettingsFrame:
			if !f.IsAck() {
				err = frames.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !f.IsAck() {
				err = frames.WritePing(true, f.Data)
			}
		case *http2.HeadersFrame:
			if f.StreamEnded() {
				if n != length {
					t.Fatalf("%d items, want %d", n, length)
				}
				return peak
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// message returns an encoded message with gRPC's head.
func message(encoded []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(encoded))), encoded...)
}

// TestStreamsTakeBoundedMemory checks that the memory a stream takes in a replica does
// not depend on its length, nor on how slowly it is read.
func TestStreamsTakeBoundedMemory(t *testing.T) {
	t.Setenv("GOGC", "10") // little garbage in the replica, which would hide what is measured
	f := start(t, fleet.Config{Replicas: 1, Tutorial: true})
	replica := f.Replicas()[0]
	drain(t, replica, 100_000) // warm

	before := rss(t, replica)
	short := drain(t, replica, 100_000)
	long := drain(t, replica, 400_000)
	t.Logf("resident: %.1f MB before, at most %.1f MB with 100,000 items, %.1f MB with 400,000", before, short, long)
	const noise = 16 // MB, for garbage that is not collected yet
	if short-before > noise || long-before > noise {
		t.Errorf("streams take %.1f and %.1f MB, want at most %d", short-before, long-before, noise)
	}

	// Clients that read one item and no more. Reading other streams beside them gives
	// the replica time to send more to them than it should.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const idle, each = 50, 3 // MB: small messages take more memory in gRPC's queue than on the wire
	before = rss(t, replica)
	for range idle {
		if _, err := openStream(ctx, t, replica, 1_000_000).Recv(); err != nil {
			t.Fatal(err)
		}
	}
	first := drain(t, replica, 100_000)
	then := drain(t, replica, 200_000)
	t.Logf("%d streams that are not read: resident %.1f MB before, %.1f MB, later %.1f MB", idle, before, first, then)
	if first-before > idle*each || then-first > noise {
		t.Errorf("%d streams that are not read take %.1f MB, then %.1f MB more; want at most %d, and %d", idle, first-before, then-first, idle*each, noise)
	}

	// The streams end with their clients.
	cancel()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		n, err := fleet.Metric(replica.Admin, "grpc_server_call_duration_seconds_count", `grpc_method="api.Api/getStream"`, `grpc_status="CANCELLED"`)
		if err != nil {
			t.Fatal(err)
		}
		if n == idle {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("after 20 s %v of %d streams have ended with their clients", n, idle)
		}
	}
}
