package drills

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/load"
	"bookstall/internal/lab/report"
	"bookstall/internal/test/programtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// loadOf sends a short load to a shop.
func loadOf(t *testing.T, shop string) load.Report {
	t.Helper()
	r, err := load.Run(t.Context(), load.Config{Shop: shop, Rate: 100, Duration: 2 * time.Second, Retry: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestAShopThatAlwaysFallsBackFailsEveryDrill judges the report of such a shop by the
// limits of each drill. go run ./internal/lab drills --fallback does so for real.
func TestAShopThatAlwaysFallsBackFailsEveryDrill(t *testing.T) {
	shop := httptest.NewServer(fallbackShop())
	defer shop.Close()
	r := loadOf(t, shop.URL)
	if r.Failed > 0 || r.Fallback == 0 {
		t.Fatalf("%v, reasons %v; want fallbacks and none failed", r.Counts, r.Reasons)
	}
	r.Late = 0 // the machine may be busy
	moments := []moment{
		{r.Started.Add(time.Second), "it happens", event},
		{r.Started.Add(1500 * time.Millisecond), "it is over", relief},
	}
	for _, d := range all() {
		if faults := beyond(d.cost, moments, r); !slices.ContainsFunc(faults, func(f string) bool { return strings.Contains(f, "fallback") }) {
			t.Errorf("%s: faults %q, want one about fallback", d.name, faults)
		}
	}
}

// TestADrill runs a short drill with the built programs, and with a shop that only
// falls back.
func TestADrill(t *testing.T) {
	bin := programtest.Build(t)
	short := drill{
		name: "short", shows: "one of two replicas is replaced", cost: unplanned,
		// The machine may be busy, and its speed is not tested.
		fleet: fleet.Config{Replicas: 2, MarketplaceArgs: []string{"--recommendations-timeout=5s"}},
		script: func(ctx context.Context, s *scene) error {
			s.mark(event, "kill -9")
			if err := s.Replicas()[0].Kill(); err != nil {
				return err
			}
			fresh, err := s.AddReplica()
			if err != nil {
				return err
			}
			s.Publish(s.Replicas()[1:]...)
			s.watchFirstCall(ctx, fresh, time.Now(), time.Minute)
			s.wait(ctx, 2*time.Second)
			return nil
		},
	}
	var timeline bytes.Buffer
	r := short.run(t.Context(), options{bin: bin, dir: t.TempDir(), log: &timeline})
	r.report.Late = 0
	if faults := beyond(short.cost, r.moments, r.report); len(faults) > 0 || r.report.Full == 0 || r.recovery < 0 {
		t.Errorf("%s: faults %q, want none, some full calls and a recovery", r.line(), faults)
	}
	if got := r.picture(); strings.Count(got, "<polyline") < 2 || !strings.Contains(got, "replica-3") {
		t.Errorf("%s: want two lines or more, and the name replica-3, in the picture: %s", r.line(), got)
	}
	for _, want := range []string{"short: one of two", "kill -9", "replica-3 has its first call after", "replica-2:"} {
		if !strings.Contains(timeline.String(), want) {
			t.Errorf("the timeline does not say %q:\n%s", want, timeline.String())
		}
	}

	short.script = func(ctx context.Context, s *scene) error {
		s.mark(event, "nothing")
		s.wait(ctx, time.Second)
		return nil
	}
	r = short.run(t.Context(), options{bin: bin, dir: t.TempDir(), fallback: true})
	if got := r.verdict(); r.passed() || !strings.Contains(got, "fallback, want at most") {
		t.Errorf("with a shop that always falls back: %s, want a failure for fallback", got)
	}
	short.script = func(context.Context, *scene) error { return errors.New("no such luck") }
	r = short.run(t.Context(), options{bin: bin, dir: t.TempDir()})
	if got := r.verdict(); got != "FAIL: no such luck" {
		t.Errorf("with a script that fails: %s, want FAIL and its error", got)
	}
}

func TestBeyond(t *testing.T) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(seconds float64, kind momentKind) moment {
		return moment{began.Add(time.Duration(seconds * float64(time.Second))), "", kind}
	}
	for name, test := range map[string]struct {
		cost     cost
		moments  []moment
		fallback int64 // calls of 1,000 that fell back
		from, to float64
		retried  int64
		want     string // a part of the only fault; "" for none
	}{
		"planned":                     {planned, nil, 1, 1, 2, 0, ""},
		"planned, too many":           {planned, nil, 2, 1, 2, 0, "0.20 % fallback"},
		"planned, retried":            {planned, nil, 0, 0, 0, 1, "1 retried"},
		"unplanned":                   {unplanned, []moment{at(3, event)}, 20, 2.8, 4.9, 0, ""},
		"unplanned, too early":        {unplanned, []moment{at(3, event)}, 20, 2.6, 4.9, 0, "before the event"},
		"unplanned, too late":         {unplanned, []moment{at(3, event), at(9, remark)}, 20, 3, 5.1, 0, "want none after 5.0 s"},
		"unplanned, again":            {unplanned, []moment{at(3, event), at(6, event)}, 20, 3, 7.9, 0, ""},
		"unplanned, without an event": {unplanned, []moment{at(3, remark)}, 0, 0, 0, 0, "no event"},
		"counted":                     {counted, []moment{at(3, event)}, 500, 2.8, 4.9, 0, ""},
		"counted, too late":           {counted, []moment{at(3, event)}, 20, 3, 5.1, 0, "want none after 5.0 s"},
		"without":                     {without, []moment{at(3, event), at(9, relief)}, 500, 3, 10.9, 0, ""},
		"without, too late":           {without, []moment{at(3, event), at(9, relief)}, 500, 3, 11.1, 0, "want none after 11.0 s"},
		"without, and no relief":      {without, []moment{at(3, event)}, 0, 0, 0, 0, "no relief"},
		"a shop lost":                 {shopLost, []moment{at(3, event)}, 0, 0, 0, 20, ""},
		"a shop lost, too many":       {shopLost, []moment{at(3, event)}, 0, 0, 0, 21, "21 retried"},
	} {
		t.Run(name, func(t *testing.T) {
			r := load.Report{Started: began, FirstFallback: test.from, LastFallback: test.to}
			r.Calls, r.Fallback, r.Full, r.Retried = 1000, test.fallback, 1000-test.fallback, test.retried
			got := beyond(test.cost, test.moments, r)
			if want := []string{test.want}; test.want == "" && len(got) > 0 || test.want != "" && !slices.EqualFunc(got, want, strings.Contains) {
				t.Errorf("faults %q, want %q", got, test.want)
			}
		})
	}
}

func TestRecovery(t *testing.T) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(d time.Duration, kind momentKind) moment { return moment{began.Add(d), "", kind} }
	const s = time.Second
	calls := []load.Call{
		{Due: s, Latency: s / 2, Outcome: load.Fallback}, // before
		{Due: 4 * s, Latency: s / 2, Outcome: load.Fallback},
		{Due: 3 * s, Latency: s / 2, Outcome: load.Failed},
		{Due: 9 * s, Latency: s / 2, Outcome: load.Full},
	}
	for _, test := range []struct {
		cost    cost
		moments []moment
		want    time.Duration
	}{
		{planned, nil, -1},
		{unplanned, []moment{at(2*s, event)}, 5 * s / 2},
		{unplanned, []moment{at(2*s, event), at(4*s, event)}, s / 2},
		{unplanned, []moment{at(5*s, event)}, 0},
		{without, []moment{at(2*s, event), at(4*s, relief)}, s / 2},
	} {
		if got := recovery(test.cost, test.moments, began, calls); got != test.want {
			t.Errorf("cost %d, %v: %v, want %v", test.cost, test.moments, got, test.want)
		}
	}
}

func TestCommand(t *testing.T) {
	var list bytes.Buffer
	if err := (&Command{List: true}).Run(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, d := range all() {
		if seen[d.name] || d.name == "" || d.shows == "" || d.script == nil || strings.ContainsAny(d.name, "/, ") {
			t.Errorf("drill %q is incomplete, or its name is invalid or used twice", d.name)
		}
		seen[d.name] = true
		if !strings.Contains(list.String(), d.name+" ") {
			t.Errorf("--list lacks %s", d.name)
		}
	}
	if err := (&Command{Names: []string{"steady", "nothing"}}).Run(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), `"nothing"`) {
		t.Errorf("with an unknown drill: %v, want an error that names it", err)
	}
	chosen, err := choose([]string{"scale", "steady"})
	if err != nil || len(chosen) != 2 || chosen[0].name != "steady" {
		t.Errorf("choose(scale, steady) = %v, %v; want steady and scale", chosen, err)
	}
}

// A drill that the machine cannot run is reported, and does not count as passed.
func TestADrillThatTheMachineCannotDo(t *testing.T) {
	var said bytes.Buffer
	root := t.TempDir()
	c := Command{Bin: t.TempDir(), Root: root, Write: true}
	cannot := drill{name: "cannot", needs: func() error { return errors.New("no hands") }}
	if err := c.runAll(t.Context(), []drill{cannot, cannot}, &said); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"SKIP (counted): cannot: no hands\n", "0 of 0 drills passed, 2 skipped, in ", document + " is not written"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, said.String())
		}
	}
	if _, err := os.Stat(filepath.Join(root, document)); !os.IsNotExist(err) {
		t.Errorf("%s: %v, want it not written", document, err)
	}
}

// TestWritesAreHeldToTheirTimes judges one write beside three that are right.
func TestWritesAreHeldToTheirTimes(t *testing.T) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(seconds float64) time.Time { return began.Add(time.Duration(seconds * float64(time.Second))) }
	w := func(from, to float64, status int) written { return written{0, at(from), at(to), status, status == 503} }
	away := outage{going: at(3), gone: at(3.2), coming: at(18), back: at(19)}
	for name, test := range map[string]struct {
		one  written
		want string // "" for no fault
	}{
		"as the store goes":              {w(2.9, 3.5, 503), ""},
		"kept as the store goes":         {w(2.9, 3.5, 201), ""},
		"refused while it goes":          {w(3.05, 3.1, 503), ""},
		"refused before":                 {w(1, 1.1, 503), "status 503"},
		"failed before":                  {w(1, 1.1, 500), "status 500"},
		"kept while the store is away":   {w(5, 6, 201), "2.0 s after the store went had status 201"},
		"failed while the store is away": {w(5, 6, 500), "status 500"},
		"as the store comes back":        {w(17.5, 18.5, 201), ""},
		"refused soon after":             {w(20, 20.1, 503), ""},
		"failed soon after":              {w(20, 20.1, 504), "status 504"},
		"refused long after":             {w(21.5, 21.6, 503), "status 503"},
		"refused without a reason":       {written{0, at(5), at(6), 503, false}, "without a reason"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &scene{}
			s.judgeWrites(t.Context(), []written{w(1, 1.1, 201), w(5, 6, 503), w(22, 22.1, 201), test.one}, away)
			if got := strings.Join(s.faults, "; "); !strings.Contains(got, test.want) || test.want == "" && got != "" {
				t.Errorf("faults %q, want %q", got, test.want)
			}
		})
	}
	s := &scene{}
	s.judgeWrites(t.Context(), []written{w(1, 1.1, 201), w(22, 22.1, 201)}, away)
	if got := strings.Join(s.faults, "; "); !strings.Contains(got, "want some of each") {
		t.Errorf("without a refused write: faults %q, want one about that", got)
	}
}

// TestLostWritesAreSeen has a shop, and a store, that lack a write.
func TestLostWritesAreSeen(t *testing.T) {
	const kept, lost = 1, 2
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, fmt.Sprintf("/readers/%d/history", written{n: kept}.reader())) {
			_, _ = fmt.Fprintf(w, `{"entries":[{"book_id":%d,"liked":true}]}`, written{n: kept}.book())
			return
		}
		_, _ = io.WriteString(w, `{"entries":[]}`)
	}))
	defer shop.Close()
	dir := t.TempDir()
	exporter := "#!/bin/sh\nmkdir \"$2\" && printf '3000000002,2,like,,drill-1,2026-01-01T00:00:00Z\\n' >\"$2/interactions.csv\"\n"
	if err := os.WriteFile(filepath.Join(dir, "recommendations"), []byte(exporter), 0o755); err != nil {
		t.Fatal(err)
	}
	s := &scene{Fleet: &fleet.Fleet{URL: shop.URL}, opts: options{bin: dir, dir: dir}}
	list := []written{{n: kept, status: http.StatusCreated}, {n: lost, status: http.StatusCreated}, {n: 3, status: http.StatusServiceUnavailable}}
	if err := s.nothingLost(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.faults, "; "); got != "write drill-2 was confirmed and is not in the store; write drill-2 was confirmed and is not among the reader's books" {
		t.Errorf("faults %q, want drill-2 missing in the store and among the books", got)
	}
}

// TestAHoleThatIsNone has a replica that refuses connections, and one that answers.
func TestAHoleThatIsNone(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	answers := strings.TrimPrefix(server.URL, "http://")
	refuses, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refuses.Close()
	for grpcAddress, want := range map[string]string{answers: "a new connection ends with <nil>", refuses.Addr().String(): "refused"} {
		open, err := net.Dial("tcp", answers)
		if err != nil {
			t.Fatal(err)
		}
		s := &scene{}
		s.checkSilence(open, &fleet.Replica{Process: &fleet.Process{}, GRPC: grpcAddress})
		open.Close()
		got := strings.Join(s.faults, "; ")
		if !strings.Contains(got, want) || !strings.Contains(got, "on an open connection, write") {
			t.Errorf("faults %q, want %q", got, want)
		}
	}
}

// TestWhoAnswersAroundAHole judges by the answers that readers receive.
func TestWhoAnswersAroundAHole(t *testing.T) {
	call := func(due time.Duration, by string) load.Call {
		return load.Call{Due: due, Latency: 10 * time.Millisecond, ServedBy: by, Outcome: load.Full}
	}
	r := &fleet.Replica{Process: &fleet.Process{Name: "r"}}
	for name, test := range map[string]struct {
		calls []load.Call
		want  string
	}{
		"soon":             {[]load.Call{call(time.Second, "r"), call(14*time.Second, "r"), call(13*time.Second, "r")}, ""},
		"late":             {[]load.Call{call(13*time.Second, "other"), call(16*time.Second, "r")}, "after 4.0 s"},
		"never":            {[]load.Call{call(time.Second, "r"), call(13*time.Second, "other")}, "waited 13s (most + beyondMost) for an answer of r"},
		"through the hole": {[]load.Call{call(5*time.Second, "r"), call(13*time.Second, "r")}, "through the black hole"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				s := &scene{began: began, calls: test.calls}
				s.checkNoneAnswered(r, began.Add(2*time.Second), began.Add(12*time.Second))
				if err := s.waitFirstAnswer(t.Context(), r, began.Add(12*time.Second), firstWithin, time.Second); err != nil {
					s.fail("%v", err)
				}
				for _, check := range s.checks {
					check(load.Report{Started: began})
				}
				if got := strings.Join(s.faults, "; "); !strings.Contains(got, test.want) || test.want == "" && got != "" {
					t.Errorf("faults %q, want %q", got, test.want)
				}
			})
		})
	}
}

// TestALaterFallbackIsCounted judges calls around a first timeout, at 1.3 s.
func TestALaterFallbackIsCounted(t *testing.T) {
	fell := func(due time.Duration) load.Call {
		return load.Call{Due: due, Latency: patience, Outcome: load.Fallback}
	}
	for later, want := range map[int]string{0: "", mostLater: "", mostLater + 1: "3 calls fell back that began after the first timeout"} {
		s := &scene{calls: []load.Call{fell(1200 * time.Millisecond), {Due: time.Second / 2, Outcome: load.Full}, fell(time.Second), fell(1290 * time.Millisecond)}}
		for range later {
			s.calls = append(s.calls, fell(1400*time.Millisecond))
		}
		s.checkLaterFallbacks()
		s.checks[0](load.Report{})
		if got := strings.Join(s.faults, "; "); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%d later: faults %q, want %q", later, got, want)
		}
		if want := fmt.Sprintf("3 calls fell back that were in flight at the first timeout, %d later", later); len(s.figures) != 1 || s.figures[0] != want {
			t.Errorf("figures %q, want %q", s.figures, want)
		}
	}
}

// TestWhatATraceShows has a replica that is out for some time.
func TestWhatATraceShows(t *testing.T) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(tenths int) time.Time { return began.Add(time.Duration(tenths) * 100 * time.Millisecond) }
	var list []traced
	var a, b int64
	for i := range 100 {
		if b++; i <= 20 || i >= 73 {
			a++
		}
		list = append(list, traced{at(i), map[string]int64{"a": a, "b": b}})
	}
	last, back := lastAndBack(list, "a", at(10), at(70))
	if !last.Equal(at(20)) || !back.Equal(at(73)) {
		t.Errorf("last call after %v, first after %v; want 2s and 7.3s", last.Sub(began), back.Sub(began))
	}
	for from, want := range map[time.Time]string{last: "0, 10", back: "10, 10", at(95): "4, 4", at(100): "none"} {
		if got := callsFrom(list, from); got != want {
			t.Errorf("calls in the second after %v: %q, want %q", from.Sub(began), got, want)
		}
	}
}

// TestP99 leaves out calls that ask no replica.
func TestP99(t *testing.T) {
	calls := slices.Repeat([]load.Call{{Kind: load.Front, Latency: 20 * time.Millisecond}}, 99)
	calls = append(calls, load.Call{Kind: load.Front, Latency: time.Second}, load.Call{Kind: load.Search, Latency: time.Hour})
	if got := p99(calls); got != 20 {
		t.Errorf("p99 of 100 calls, one of them slow: %v ms, want 20", got)
	}
	if got := p99(nil); got != 0 {
		t.Errorf("p99 of no calls: %v", got)
	}
}

// TestAnErrorNamesTheBound waits for what never happens.
func TestAnErrorNamesTheBound(t *testing.T) {
	never := func() (bool, error) { return false, nil }
	synctest.Test(t, func(t *testing.T) {
		s, began := &scene{}, time.Now()
		err := s.waitAtLeast(t.Context(), 5*time.Second, linkBound, "a miracle", never)
		if took := time.Since(began); err == nil || err.Error() != "waited 20s (linkBound) for a miracle" || took < 25*time.Second || took > 26*time.Second {
			t.Errorf("waitAtLeast: %v after %v, want the bound and its name after 25 s", err, took)
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errTooLong)
		defer cancel()
		if err := s.waitFor(ctx, linkBound, "a miracle", never); err == nil || err.Error() != "waiting for a miracle: the drill is not over after 2m0s (longest)" {
			t.Error(err)
		}
	})
}

// sample returns a result with everything that can be written.
func sample() result {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r := result{
		drill:    drill{name: "sample", shows: "an example"},
		names:    map[string]string{"127.0.0.2:1": "replica-1", "127.0.0.3:1": "replica-2"},
		moments:  []moment{{began.Add(time.Second), `{"a":"<&>"}`, event}, {began.Add(1100 * time.Millisecond), "no room for this", remark}},
		figures:  []string{"one thing"},
		faults:   []string{"too slow"},
		recovery: time.Second / 2,
	}
	r.report = load.Report{Started: began, Seconds: 2.6, MaxLag: 120, Counts: load.Counts{Calls: 10, Full: 9, Fallback: 1, Retried: 1}, Timeline: []load.Interval{
		{Start: 0, Counts: load.Counts{Calls: 5}, Replicas: map[string]int64{"127.0.0.2:1": 3, "127.0.0.3:1": 2}},
		{Start: 1, Counts: load.Counts{Calls: 5, Fallback: 1}, Replicas: map[string]int64{"127.0.0.2:1": 4}},
	}}
	return r
}

func TestWhatIsWritten(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, document)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	const begins, ends = "<!-- make drills writes from here -->", "<!-- to here -->"
	if err := os.WriteFile(file, []byte("before\n"+begins+"\nold\n"+ends+"\nafter\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := report.Rewrite(file, "make drills", markdown([]result{sample()})); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const row = "| [sample](drills/sample.svg) | an example | 10 | 9 | 1 | 0 | 0.0 ms | 0.0 ms | 0 ms | 0.50 s | **FAIL**: too slow (1 retried) (the load itself was 120 ms behind) |\n"
	for _, want := range []string{"before\n" + begins + "\n| drill |", row, "- sample: one thing.\n" + ends + "\nafter\n"} {
		if strings.Count(string(got), want) != 1 {
			t.Errorf("not once %q in\n%s", want, got)
		}
	}
	if strings.Contains(string(got), "old") {
		t.Errorf("the old table is still there:\n%s", got)
	}

	if err := sample().writePicture(root); err != nil {
		t.Fatal(err)
	}
	picture, err := os.ReadFile(filepath.Join(root, pictures, "sample.svg"))
	if err != nil {
		t.Fatal(err)
	}
	// Two replicas, one second with a fallback, three names in the legend.
	if lines, rects := bytes.Count(picture, []byte("<polyline")), bytes.Count(picture, []byte("<rect")); lines != 2 || rects != 4 {
		t.Errorf("%d lines and %d rectangles, want 2 and 4:\n%s", lines, rects, picture)
	}
	for _, want := range []string{"replica-1<", "replica-2<", "fallback<", "{&quot;a&quot;:&quot;&lt;&amp;&gt;&quot;}"} {
		if !bytes.Contains(picture, []byte(want)) {
			t.Errorf("the picture lacks %q:\n%s", want, picture)
		}
	}
}

func TestTheStrangerIsHealthyAndLacksOurService(t *testing.T) {
	o, at, err := startStranger("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer o.stop()
	conn, err := grpc.NewClient(at, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	checks := healthpb.NewHealthClient(conn)
	if r, err := checks.Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil || r.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("Check: %v, %v; want SERVING", r, err)
	}
	watch, err := checks.Watch(t.Context(), &healthpb.HealthCheckRequest{Service: "recommendations.v1.RecommendationsService"})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := watch.Recv(); err != nil || r.GetStatus() != healthpb.HealthCheckResponse_SERVICE_UNKNOWN {
		t.Errorf("Watch: %v, %v; want SERVICE_UNKNOWN", r, err)
	}
	err = conn.Invoke(t.Context(), "/recommendations.v1.RecommendationsService/Recommend", &healthpb.HealthCheckRequest{}, &healthpb.HealthCheckResponse{})
	if status.Code(err) != codes.Unimplemented || o.calls.Load() != 1 || o.watches.Load() != 1 {
		t.Errorf("Recommend: %v; %d calls, %d watches; want Unimplemented, one each", err, o.calls.Load(), o.watches.Load())
	}
}

func TestAddBook(t *testing.T) {
	file := filepath.Join(t.TempDir(), "books.csv")
	if err := os.WriteFile(file, []byte("title,book_id,author,year,categories,popularity\nOne,1,A. Author,1999,fantasy,3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := addBook(file, "2", "Two"); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if want := "\nTwo,2,A. Drill,2020,fantasy,\n"; err != nil || !strings.HasSuffix(string(got), want) {
		t.Errorf("%s: %q, %v; want it to end with %q", file, got, err, want)
	}
}

// TestAnOverloadIsHeldToItsFigures judges surges that break one limit each.
func TestAnOverloadIsHeldToItsFigures(t *testing.T) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	from, until := began.Add(3*time.Second), began.Add(13*time.Second)
	calls := func(outcome load.Outcome, n int) []load.Call {
		return slices.Repeat([]load.Call{{Kind: load.APIKnown, Outcome: outcome}}, n)
	}
	fine := load.Report{Counts: load.Counts{Calls: 5000, Full: 450, Fallback: 2000, Shed: 2550}, P99: 300}
	for name, test := range map[string]struct {
		surge func(*load.Report)
		full  int         // calls of the surge
		usual []load.Call // calls of the readers who are there all the time
		want  string      // "" for no fault
	}{
		"as it should be":       {nil, 450, nil, ""},
		"too little done":       {nil, 390, nil, "goodput was 39 a second, want 40 at least"},
		"others make it enough": {nil, 390, []load.Call{{Kind: load.Front, Outcome: load.Full, Due: 4 * time.Second}, {Kind: load.Search, Outcome: load.Full, Due: 4 * time.Second}}, "goodput was 39"},
		"a failed call":         {func(r *load.Report) { r.Failed = 1 }, 450, nil, "1 calls of the surge failed"},
		"a late call":           {func(r *load.Report) { r.Late = 1 }, 450, nil, "1 were late"},
		"slow":                  {func(r *load.Report) { r.P99 = 700 }, 450, nil, "p99 of the surge was 700 ms"},
		"no overload":           {func(r *load.Report) { r.Shed = 0 }, 450, nil, "it was no overload"},
		"shed before":           {nil, 450, []load.Call{{Outcome: load.Shed, Due: time.Second}}, "outside of the overload"},
		"shed after":            {nil, 450, []load.Call{{Outcome: load.Shed, Due: 16 * time.Second}}, "outside of the overload"},
		"shed meanwhile":        {nil, 450, []load.Call{{Outcome: load.Shed, Due: 4 * time.Second}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			surge := fine
			if test.surge != nil {
				test.surge(&surge)
			}
			s := &scene{calls: test.usual}
			s.checkSurge(surge, slices.Concat(calls(load.Full, test.full), calls(load.Shed, 100)), from, until)
			for _, check := range s.checks {
				check(load.Report{Started: began})
			}
			if got := strings.Join(s.faults, "; "); !strings.Contains(got, test.want) || test.want == "" && got != "" {
				t.Errorf("faults %q, want %q", got, test.want)
			}
		})
	}
}
