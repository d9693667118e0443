package soak

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	"bookstall/internal/lab/load"
	"bookstall/internal/test/programtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestASoak runs a short soak of the built programs.
func TestASoak(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, document)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("before\n<!-- make soak writes from here -->\n<!-- to here -->\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := (&Command{Calls: 1500, Workers: 4, Write: true, Verbose: true, Bin: programtest.Build(t), Root: root}).Run(t.Context(), &out); err != nil {
		t.Fatalf("run of the soak: %v\n%s", err, out.String())
	}
	for _, want := range []string{" replaces replica-2\n", "are reset\n", "1,500 calls | marketplace: ", "1,500 calls in ", "No replica was sick: ", "\npass\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, out.String())
		}
	}
	table, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(table), "| replica-1 | live heap | ") {
		t.Errorf("table: %v, want a row for the live heap of replica-1 in\n%s", err, table)
	}
	drawn, err := os.ReadFile(filepath.Join(root, picture))
	if err != nil || bytes.Count(drawn, []byte("<polyline")) < 6 {
		t.Errorf("picture: %v, want 6 lines or more in\n%s", err, drawn)
	}
}

// program is a fake process that reports what it holds.
type program struct {
	goroutines, files, heap, busy, collected atomic.Int64
	labels                                   atomic.Pointer[string]
}

func (p *program) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/metrics":
		fmt.Fprintf(w, "# HELP go_goroutines Number.\ngo_goroutines %d\nprocess_open_fds %d\n", p.goroutines.Load(), p.files.Load())
		fmt.Fprintf(w, "go_memstats_heap_alloc_bytes 9e+09\nprocess_resident_memory_bytes 5e+07\nweb_live_streams %d\n", p.busy.Load())
		if labels := p.labels.Load(); labels != nil {
			_, _ = io.WriteString(w, *labels)
		}
	case "/debug/pprof/heap":
		if r.FormValue("gc") == "1" && r.FormValue("debug") == "1" {
			p.collected.Add(1)
		}
		fmt.Fprintf(w, "heap profile: 1: 2 [3: 4] @ heap/1048576\n# runtime.MemStats\n# Alloc = 1\n# HeapAlloc = %d\n", p.heap.Load())
	default:
		http.NotFound(w, r)
	}
}

// TestALeakFails has a program that holds more after each part of the calls.
func TestALeakFails(t *testing.T) {
	for name, test := range map[string]struct {
		leak func(p *program, n int64)
		want string // a part of the only fault; "" for none
	}{
		"none":       {func(*program, int64) {}, ""},
		"less":       {func(p *program, n int64) { p.goroutines.Store(60 - n) }, ""},
		"goroutines": {func(p *program, _ int64) { p.goroutines.Add(1) }, "fake: goroutines grew from 32 after 200 calls to 40 after 1,000, want at most 5 more"},
		"files":      {func(p *program, _ int64) { p.files.Add(3) }, "fake: open files grew from 16 after 200 calls to 40 after 1,000, want at most 5 more"},
		"heap":       {func(p *program, _ int64) { p.heap.Add(300 << 10) }, "fake: live heap grew from 4.59 MB after 200 calls to 6.93 MB after 1,000, want at most 2.00 MB more"},
		"labels": {func(p *program, n int64) {
			text := *p.labels.Load() + fmt.Sprintf("calls{to=\"%[1]d\"} 1\nfailed{to=\"%[1]d\"} 0\nrate{to=\"%[1]d\"} 2\n", n)
			p.labels.Store(&text)
		}, "fake: labels of metrics grew from 11 after 200 calls to 35 after 1,000, want at most 20 more"},
		"methods": {func(p *program, n int64) {
			text := *p.labels.Load() + fmt.Sprintf("calls_sum{grpc_method=\"M%[1]d\"} 1\ncalls_count{grpc_method=\"M%[1]d\"} 1\nlate{grpc_method=\"M%[1]d\"} 0\n", n)
			p.labels.Store(&text)
		}, "fake: labels of metrics grew from 11 after 200 calls to 35 after 1,000, want at most 20 more"},
		"other endings": {func(p *program, n int64) {
			text := *p.labels.Load() + fmt.Sprintf("calls_bucket{grpc_status=\"S%d\",le=\"%d\"} 1\n", n, n)
			p.labels.Store(&text)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := &program{}
			fake.goroutines.Store(30)
			fake.files.Store(10)
			fake.heap.Store(4 << 20)
			fake.labels.Store(new(string))
			server := httptest.NewServer(fake)
			defer server.Close()
			p := &process{name: "fake", admin: server.URL}
			for n := int64(0); n <= quietPoints; n++ {
				if n > 0 {
					test.leak(fake, n)
				}
				if restless, err := rest(t.Context(), time.Millisecond, restWithin, n*100, []*process{p}); restless != "" || err != nil {
					t.Fatal(restless, err)
				}
			}
			if fake.collected.Load() != 2*(quietPoints+1) {
				t.Errorf("garbage was collected %d times, want %d", fake.collected.Load(), 2*(quietPoints+1))
			}
			rows, err := judge(p.name, afterWarmUp(p.quiet, 1000))
			if err != nil {
				t.Fatal(err)
			}
			r := done()
			r.rows = rows
			got := strings.Join(r.faults(), "; ")
			if got != test.want {
				t.Errorf("faults %q, want %q", got, test.want)
			}
		})
	}
}

func TestGrowth(t *testing.T) {
	for name, test := range map[string]struct {
		y           []float64
		least, most float64
	}{
		"steady":                   {[]float64{30, 30, 30, 30, 30, 30, 30, 30, 30}, 0, 0},
		"noise":                    {[]float64{30, 33, 31, 30, 34, 30, 32, 33, 31}, 0, 2},
		"one out of line":          {[]float64{30, 30, 30, 90, 30, 30, 30, 30, 30}, 0, 0},
		"the last is out of line":  {[]float64{30, 30, 30, 30, 30, 30, 30, 30, 90}, 0, 0},
		"the first is out of line": {[]float64{90, 30, 30, 30, 30, 30, 30, 30, 30}, 0, 0},
		"one more each time":       {[]float64{30, 31, 32, 33, 34, 35, 36, 37, 38}, 8, 8},
		"with noise":               {[]float64{30, 34, 31, 35, 33, 37, 34, 39, 37}, 6, 9},
		"at once, early":           {[]float64{30, 30, 90, 90, 90, 90, 90, 90, 90}, 60, 80},
		"at once, in the middle":   {[]float64{30, 30, 30, 30, 90, 90, 90, 90, 90}, 60, 80},
		"at once, late":            {[]float64{30, 30, 30, 30, 30, 30, 30, 90, 90}, 60, 60},
		"less":                     {[]float64{38, 37, 36, 35, 34, 33, 32, 31, 30}, -8, -6},
	} {
		x := []float64{2, 3, 4, 5, 6, 7, 8, 9, 10}
		if got := growth(x, test.y); got < test.least || got > test.most {
			t.Errorf("%s: growth %v, want %v to %v", name, got, test.least, test.most)
		}
	}
	if _, err := judge("one", make([]point, 4)); err == nil {
		t.Error("judge accepts four points")
	}
	if got := afterWarmUp([]point{{calls: 0}, {calls: 100}, {calls: 200}}, 1000); len(got) != 1 {
		t.Errorf("%d points after the warm-up, want 1", len(got))
	}
	if got := afterWarmUp([]point{{calls: 100}}, 1000); len(got) != 0 {
		t.Errorf("%d points after the warm-up, want none", len(got))
	}
}

// done returns the result of a soak without faults.
func done() result {
	r := result{command: Command{Calls: 1000}, took: time.Minute}
	r.counts.Calls, r.counts.Full = 1000, 1000
	r.counts.writes, r.counts.streams, r.counts.shelves, r.counts.replaced = 10, 5, 5, 2
	return r
}

func TestFaults(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(*result)
		want  string // a part of the only fault; "" for none
	}{
		"none":            {func(*result) {}, ""},
		"failed":          {func(r *result) { r.counts.Failed = 1; r.counts.reasons = map[string]int64{"status 500": 1} }, "1 calls and 0 live shelves failed: map[status 500:1]"},
		"streams failed":  {func(r *result) { r.counts.failedStreams = 2 }, "0 calls and 2 live shelves failed"},
		"some fall back":  {func(r *result) { r.counts.Fallback, r.counts.Shed = 5, 5 }, ""},
		"many fall back":  {func(r *result) { r.counts.Fallback, r.counts.Shed = 6, 5 }, "11 of 1,000 calls were shed or fell back"},
		"too few":         {func(r *result) { r.counts.Calls = 999 }, "999 calls were made, want 1,000"},
		"nothing written": {func(r *result) { r.counts.writes = 0 }, "0 writes, 5 live shelves"},
		"restless":        {func(r *result) { r.counts.restless = []string{"waited 30s"} }, "waited 30s"},
	} {
		r := done()
		test.spoil(&r)
		got := r.faults()
		if test.want == "" && len(got) > 0 || test.want != "" && (len(got) != 1 || !strings.Contains(got[0], test.want)) {
			t.Errorf("%s: faults %q, want %q", name, got, test.want)
		}
	}
}

func TestAtRest(t *testing.T) {
	looks := func(goroutines ...float64) (list []usage) {
		for _, n := range goroutines {
			list = append(list, usage{goroutines: n, files: 9})
		}
		return list
	}
	busy := looks(5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5)
	busy[3].busy = 1
	for name, test := range map[string]struct {
		looks []usage
		want  bool
	}{
		"the same":            {looks(5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5), true},
		"with questions":      {looks(7, 5, 5, 6, 5, 5, 5, 8, 5, 5, 5, 6), true},
		"ever less":           {looks(9, 9, 8, 8, 8, 7, 7, 6, 6, 5, 5, 5), false},
		"ever more":           {looks(5, 6, 6, 6, 6, 7, 7, 7, 7, 7, 7, 7), false},
		"too few":             {looks(5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5), false},
		"something under way": {busy, false},
	} {
		if got := atRest(test.looks); got != test.want {
			t.Errorf("%s: atRest = %v, want %v", name, got, test.want)
		}
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "are missing",
		"go_goroutines 5\n":              "are missing",
		"go_goroutines many\n":           `"many" is not a number`,
		"go_goroutines\n":                "is not a sample",
		"<html>":                         "is not a sample",
		"web_live_streams three\n":       `"three" is not a number`,
		strings.Repeat("x", 2<<20) + " ": "too long",
	} {
		if _, err := parse(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", text, err, want)
		}
	}
	for _, text := range []string{"", "# Alloc = 5\n", "# HeapAlloc = much\n", "# Alloc = 5\n# HeapAlloc = much\n"} {
		if _, err := heapOf([]byte(text)); err == nil {
			t.Errorf("heapOf(%q) succeeds, want an error", text)
		}
	}
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	p := &process{name: "fake", admin: server.URL}
	if _, err := rest(t.Context(), time.Millisecond, restWithin, 0, []*process{p}); err == nil || !strings.Contains(err.Error(), "fake: ") || !strings.Contains(err.Error(), "status 404") {
		t.Errorf("rest of a process without metrics: %v, want its name and status 404", err)
	}
}

// TestAWriterSeesWhatItWrote has a shop that later forgets writes.
func TestAWriterSeesWhatItWrote(t *testing.T) {
	var forgets, away atomic.Bool
	var likes atomic.Int64
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case away.Load():
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.URL.Path == "/":
			_, _ = io.WriteString(w, `<button name="reader" value="7">`)
		case r.URL.Path == "/api/v1/books":
			_, _ = io.WriteString(w, `{"books":[{"id":1,"title":"One"}]}`)
		case r.URL.Path == "/interactions":
			likes.Add(map[string]int64{"like": 1, "unlike": -1}[r.PostFormValue("do")])
			http.Redirect(w, r, "/your-books", http.StatusSeeOther)
		case r.URL.Path == "/your-books" && !forgets.Load():
			_, _ = io.WriteString(w, strings.Repeat(`<button value="unlike">`, int(likes.Load())))
		case r.URL.Path == "/shelf/events" && !forgets.Load():
			_, _ = io.WriteString(w, "id: 1\nevent: shelf\ndata: <p>\n\n")
		}
	}))
	defer shop.Close()
	caller, err := load.NewCaller(t.Context(), load.Config{Shop: shop.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer caller.Rest()
	w, err := newWriter(t.Context(), shop.URL, caller)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 40 {
		if c := w.turn(t.Context()); c.Outcome != load.Full || (c.Kind == seeKind) != (n%2 == 1) {
			t.Fatalf("call %d: %+v, want it full, a write and a look in turn", n, c)
		}
	}
	if n, err := w.watch(t.Context()); n != 1 || err != nil {
		t.Errorf("watch: %d shelves, %v; want 1", n, err)
	}
	away.Store(true)
	if c := w.turn(t.Context()); c.Outcome != load.Shed || w.wrote || w.book == 0 {
		t.Errorf("with a shop that sheds: %+v, want a shed write to retry", c)
	}
	undecided, likedBefore := w.book, w.liked[w.book]
	if _, err := w.watch(t.Context()); err == nil || err.Error() != "live shelf: status 503" {
		t.Errorf("watch with a shop that sheds: %v, want status 503", err)
	}
	away.Store(false)
	if c := w.turn(t.Context()); c.Outcome != load.Full || w.book != 0 || w.liked[undecided] == likedBefore {
		t.Errorf("after a refused write: %+v, want it retried and full", c)
	}
	for w.wrote || len(w.liked) == 0 || likes.Load() == 0 { // until it likes any
		w.turn(t.Context())
	}
	w.wrote = true
	forgets.Store(true)
	for _, want := range []string{"the shop does not show what was just liked", "the shop still does not show what was liked"} {
		if c := w.turn(t.Context()); c.Outcome != load.Failed || c.Reason != want {
			t.Errorf("with a shop that forgets: %+v, want %s", c, want)
		}
	}
	if _, err := w.watch(t.Context()); err == nil || err.Error() != "live shelf: no shelf came" {
		t.Errorf("watch with a shop that forgets: %v, want no shelf", err)
	}
}

func TestWhatIsWritten(t *testing.T) {
	r := done()
	for i, name := range []string{"marketplace", "replica-1"} {
		p := process{name: name}
		for n := range int64(11) {
			u := usage{goroutines: 30, files: 10, heap: float64(3<<20 + n<<18), resident: 5e7, labels: 100}
			p.quiet = append(p.quiet, point{n * 100, u})
			u.goroutines += float64(50 * i)
			p.loaded = append(p.loaded, point{n*100 + 50, u})
		}
		rows, err := judge(name, afterWarmUp(p.quiet, 1000))
		if err != nil {
			t.Fatal(err)
		}
		r.rows, r.points = append(r.rows, rows...), append(r.points, p)
	}
	for _, want := range []string{
		"| process |  | after 200 calls | after 1,000 | growth | limit | verdict |\n|---|---|---|---|---|---|---|\n",
		"| marketplace | goroutines | 30 | 30 | 0 | 5 | pass |\n",
		"| replica-1 | live heap | 3.50 MB | 5.50 MB | 2.00 MB | 2.00 MB | pass |\n",
		"\n1,000 calls in 1m0s: 1,000 full, 0 fallback, ",
	} {
		if strings.Count(r.markdown(), want) != 1 {
			t.Errorf("not once %q in\n%s", want, r.markdown())
		}
	}
	if strings.Contains(r.markdown(), "FAIL") {
		t.Errorf("a soak that passed fails:\n%s", r.markdown())
	}
	// For each process three lines without calls and two under load; a shade in each
	// of three panels, and a name for each process in the legend.
	if lines, rects := strings.Count(r.picture(), "<polyline"), strings.Count(r.picture(), "<rect"); lines != 10 || rects != 5 {
		t.Errorf("%d lines and %d rectangles, want 10 and 5, in\n%s", lines, rects, r.picture())
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestBadFlagsAreNamed(t *testing.T) {
	err := (&Command{Calls: 999, Workers: 0}).Validate()
	if err == nil {
		t.Fatal("Validate accepts 999 calls and no workers")
	}
	for _, want := range []string{"--calls is 999, want 1000 or more", "--workers is 0, want 1 to 1000"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q: %v", want, err)
		}
	}
}

// TestEachMethodIsCalledOnce has a server with two services, one of which has streams
// without end.
func TestEachMethodIsCalledOnce(t *testing.T) {
	var mu sync.Mutex
	called := map[string]int{}
	count := func(method string) {
		mu.Lock()
		defer mu.Unlock()
		called[method]++
	}
	server := grpc.NewServer(
		grpc.UnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			count(info.FullMethod)
			return next(ctx, req)
		}),
		grpc.StreamInterceptor(func(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			count(info.FullMethod)
			return next(srv, s)
		}),
	)
	healthpb.RegisterHealthServer(server, health.NewServer())
	reflection.RegisterV1(server)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	if err := callEachMethod(t.Context(), listener.Addr().String()); err != nil {
		t.Error(err)
	}
	server.GracefulStop() // waits for the calls
	if err := <-served; err != nil {
		t.Error(err)
	}
	want := map[string]int{
		"/grpc.health.v1.Health/Check": 1, "/grpc.health.v1.Health/List": 1, "/grpc.health.v1.Health/Watch": 1,
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": 2, // one of them to find the methods
	}
	if !maps.Equal(called, want) {
		t.Errorf("called %v, want %v", called, want)
	}
	if err := callEachMethod(t.Context(), listener.Addr().String()); err == nil {
		t.Error("a server that is stopped has methods")
	}
}

// TestAProcessThatDoesNotRestIsNamed has two streams that never end.
func TestAProcessThatDoesNotRestIsNamed(t *testing.T) {
	fake := &program{}
	fake.busy.Store(2)
	server := httptest.NewServer(fake)
	defer server.Close()
	p := &process{name: "fake", admin: server.URL}
	restless, err := rest(t.Context(), time.Millisecond, 100*time.Millisecond, 5000, []*process{p})
	if want := "after 5,000 calls, waited 100ms (restWithin) for the processes to come to rest: fake: 2 requests and streams in flight, 0 goroutines, 0 files"; restless != want || err != nil {
		t.Errorf("rest = %q, %v, want %q", restless, err, want)
	}
	if len(p.quiet) != 1 {
		t.Errorf("%d quiet points, want what there is", len(p.quiet))
	}
}
