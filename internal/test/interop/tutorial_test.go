package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/test/otlpsink"
	"bookstall/internal/test/programtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// journal keeps what all processes log.
type journal struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.out.Write(p)
}

// count returns how many lines contain all of parts.
func (j *journal) count(parts ...string) (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
next:
	for line := range strings.Lines(j.out.String()) {
		for _, p := range parts {
			if !strings.Contains(line, p) {
				continue next
			}
		}
		n++
	}
	return n
}

// wait waits until n lines contain all of parts: a line comes after its answer.
func (j *journal) wait(t *testing.T, n int, parts ...string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); j.count(parts...) < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			break
		}
	}
	if got := j.count(parts...); got != n {
		t.Errorf("%d lines with %q, want %d", got, parts, n)
	}
}

// startFleet runs the built programs with the tutorials' examples.
func startFleet(t *testing.T, replicas int, log io.Writer) *fleet.Fleet {
	t.Helper()
	bin := programtest.Build(t)
	f, err := fleet.Start(fleet.Config{Bin: bin, Replicas: replicas, Log: log, Tutorial: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// items is a list as the client prints it.
func items(n int) string {
	var list []string
	for id := 1; id <= n; id++ {
		list = append(list, fmt.Sprintf(`[%d, "name %d"]`, id, id))
	}
	return "[" + strings.Join(list, ", ") + "]"
}

func messages(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`"message %d"`, i))
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// TestPythonClients makes every call of the tutorials from Python, against a
// built replica.
func TestPythonClients(t *testing.T) {
	python := NewPython(t)
	var log journal
	f := startFleet(t, 1, &log)
	address := f.Replicas()[0].GRPC

	for _, test := range []struct{ call, argument, want string }{
		{"say_hello", "Zoë", `"Hello Zo\u00eb!"`},
		{"say_hello", "", `"Hello !"`},
		{"get_all", "10", items(10)},
		{"get_all", "0", "[]"},
		{"get_all", "10000", items(10000)},
		{"get_all", "10001", `["INVALID_ARGUMENT", "invalid request: length is 10001, want 0 to 10000; getStream takes more"]`},
		{"get_stream", "5", items(5)},
		{"get_stream", "-1", `["INVALID_ARGUMENT", "invalid request: length is -1, want 0 to 1000000"]`},
		{"count_stream", "100000", "100000"},
		{"leave_stream", "1000000", "[1, 2, 3]"},
		{"unary", "test", `["Hello I am up and running received \"test\" message from you", true]`},
		{"client_streaming", "7", `["Hello I am up and running received 7 messages from you", true]`},
		{"bidirectional", "100", messages(100)},
		{"ping_pong", "20", messages(20)},
		{"process_name", "test", `"TEST"`},
		{"health", "", `"SERVING"`},
		{"health", "recommendations.v1.RecommendationsService", `"SERVING"`},
		{"health", "nobody", `["NOT_FOUND", "unknown service"]`},
	} {
		t.Run(test.call+" "+test.argument, func(t *testing.T) {
			if got := python.Call(t, address, test.call, test.argument); got != test.want {
				t.Errorf("got  %.300s\nwant %.300s", got, test.want)
			}
		})
	}
	for _, category := range []string{"FICTIONAL", "ROMANCE", "SELF_HELP"} {
		t.Run("recommend "+category, func(t *testing.T) {
			var books [][2]any
			text := python.Call(t, address, "recommend", category)
			if err := json.Unmarshal([]byte(text), &books); err != nil || len(books) != 3 || books[0][1] == "" {
				t.Errorf("got %s, %v; want three books", text, err)
			}
		})
	}
	log.wait(t, 1, `"requestID":"python-request-1"`, "/Service1/ProcessName")
	// The client that left has its line, too: the server's side of its stream has
	// ended, and not well.
	log.wait(t, 4, `"method":"/api.Api/getStream"`)
	log.wait(t, 2, `"method":"/api.Api/getStream"`, `"code":"OK"`)
}

// TestTheShopShowsTheExamples follows them through both programs.
func TestTheShopShowsTheExamples(t *testing.T) {
	var log journal
	f := startFleet(t, 2, &log)
	_, page := programtest.Get(t, f.URL+"/tutorial?say=one+two+%3Cb%3E", "X-Request-ID", "tutorial-page-1")
	for _, want := range []string{
		"Hello reader!", "<code>10</code> name 10", "<code>5</code> name 5", `id="recommended"`, "Each sent back",
		"<li>one</li>\n<li>two</li>\n<li>&lt;b&gt;</li>", "received 3 messages from you", "received &#34;one two &lt;b&gt;&#34; message",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, `class="notice"`) {
		t.Errorf("the page apologises:\n%s", page)
	}
	log.wait(t, 7, `"service":"recommendations"`, `"requestID":"tutorial-page-1"`)
	for via, line := range map[string]string{
		"": `"method":"/Service1/ProcessName"`, "&via=grpc": `"method":"/Service1/ProcessName"`,
		"&via=rest": `"route":"/api/v1/process-name"`, "&via=rest-once": `"route":"/api/v1/process-name"`,
	} {
		id := "say-hello-" + strings.TrimPrefix(via, "&via=")
		resp, body := programtest.Get(t, f.URL+"/api/v1/say-hello?name=test"+via, "X-Request-ID", id)
		if resp.StatusCode != http.StatusOK || strings.TrimSpace(body) != `"Hello, TEST!"` ||
			resp.Header.Get("X-Request-ID") != id || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("via %q: %d %s %v", via, resp.StatusCode, body, resp.Header)
		}
		log.wait(t, 1, `"service":"marketplace"`, `"requestID":"`+id+`"`)
		log.wait(t, 1, `"service":"recommendations"`, `"requestID":"`+id+`"`, line)
	}
	// REST goes round, too.
	for range 10 {
		programtest.Get(t, f.URL+"/api/v1/say-hello?name=test&via=rest")
	}
	for _, r := range f.Replicas() {
		if n, err := fleet.Metric(r.Admin, "tutorial_rest_requests_total", `status="200"`); err != nil || n < 5 || n > 7 {
			t.Errorf("%s answered %v requests over REST, %v; want half of 12", r.IP, n, err)
		}
	}
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

// TestOneTraceOverBothWires follows a trace through gRPC and through REST: the
// caller's span, the request, the call, the answer, one under the other.
func TestOneTraceOverBothWires(t *testing.T) {
	sink, err := otlpsink.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.Endpoint())
	bin := programtest.Build(t)
	f, err := fleet.Start(fleet.Config{Bin: bin, Replicas: 1, Tutorial: true})
	if err != nil {
		t.Fatal(err)
	}
	traces := map[string]string{"grpc": "4bf92f3577b34da6a3ce929d0e0e4736", "rest": "4bf92f3577b34da6a3ce929d0e0e4737"}
	for via, trace := range traces {
		programtest.Get(t, f.URL+"/api/v1/say-hello?name=test&via="+via, "Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	}
	if err := f.Close(); err != nil { // which delivers the spans
		t.Error(err)
	}
	for via, trace := range traces {
		parent := "00f067aa0ba902b7"
		for _, service := range []string{"marketplace", "marketplace", "recommendations"} {
			found := ""
			for _, s := range sink.Spans() {
				if s.TraceID == trace && s.Service == service && s.Parent == parent {
					found = s.ID
				}
			}
			if found == "" {
				t.Fatalf("via %s: no span of %s under %s in %+v", via, service, parent, sink.Spans())
			}
			parent = found
		}
	}
}
