package bench

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"bookstall/internal/config"
	"bookstall/internal/test/programtest"
)

// TestMain is also the process of a Contender: a test starts this program for it.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "contender" {
		if err := contend(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func contend(args []string) error {
	var c Contender
	parser, err := kong.New(&c)
	if err != nil {
		return err
	}
	if _, err := parser.Parse(args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return c.Run(ctx, config.Streams{Out: os.Stdout, Err: os.Stderr})
}

// TestBalance holds the built programs to the figures of docs/performance.md
// that do not depend on the machine's speed.
func TestBalance(t *testing.T) {
	// A page waits longer than usual, as the machine may be busy.
	s, err := (&bench{bin: programtest.Build(t), shopArgs: []string{"--recommendations-timeout=5s"}}).measureBalance(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range s.Claims {
		if c.Aim != "" && !c.Met {
			t.Errorf("%s: measured %s, aim %s", c.What, c.Measured, c.Aim)
		}
		t.Logf("%s: %s", c.What, c.Measured)
	}
}

// TestContenders gives each contender very short turns, and looks for figures that are missing.
// Contenders that do other work, or a call that fails, are an error.
func TestContenders(t *testing.T) {
	b := &bench{bin: programtest.Build(t), contender: []string{os.Args[0], "contender"}, turns: turns{1, 20 * time.Millisecond}, shelves: 12}
	for _, m := range measurements() {
		want, ok := map[string]struct{ rows, claims int }{
			"calls":     {rows: 2*len(atATime()) + 4, claims: 3},
			"telemetry": {rows: 12, claims: 5},
			"json":      {rows: 2 * (2*len(atATime()) + 4), claims: 4},
			"pages":     {rows: 6},
			"shelves":   {rows: 1, claims: 1},
		}[m.name]
		if !ok {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			s, err := m.measure(b, t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if s.Name != m.name || len(s.Rows) != want.rows || len(s.Claims) != want.claims {
				t.Errorf("%s: %d rows and %d claims, want %d and %d", s.Name, len(s.Rows), len(s.Claims), want.rows, want.claims)
			}
			for _, r := range s.Rows {
				if r.Calls < 1 || r.Rate <= 0 || r.RateRatio <= 0 || r.P50 <= 0 || r.P99 < r.P50 || r.P999 < r.P99 || r.Allocations < 1 || r.Resident < 5 {
					t.Errorf("a figure is missing: %+v", r)
				}
				if r.Contender == r.Limit && (r.RateRatio != 1 || r.P99Ratio != 1) {
					t.Errorf("a contender is not 1 × itself: %+v", r)
				}
			}
		})
	}
}

// fake returns a contender without processes, which writes its name into made.
func fake(name string, made *[]string, err error) contender {
	return contender{name: name, call: func(context.Context, int64) error {
		*made = append(*made, name)
		return err
	}}
}

func TestTurns(t *testing.T) {
	var made []string
	contenders := []contender{fake("a", &made, nil), fake("b", &made, nil), fake("c", &made, nil)}
	contenders[2].limit = "c"
	rows, err := turns{rounds: 2, length: time.Second}.open(t.Context(), 1, contenders) // a call a turn
	if err != nil {
		t.Fatal(err)
	}
	// The first round does not count, and the order is reversed from round to round.
	if got := strings.Join(made, ""); got != "abc"+"cba"+"abc" {
		t.Errorf("turns were %s, want abccbaabc", got)
	}
	for i, limit := range []string{"a", "a", "c"} {
		if r := rows[i]; r.Calls != 2 || r.Limit != limit || r.Offered != 1 || r.Callers != openCallers {
			t.Errorf("%+v, want 2 calls, of 1 a second, and the limit %s", r, limit)
		}
	}
	if r := find(rows, "a", openCallers); r.Contender != "" {
		t.Errorf("found %+v among the closed loads", r)
	}
	rows, err = turns{rounds: 1, length: time.Millisecond}.closed(t.Context(), 1, contenders)
	if r := find(rows, "b", 1); err != nil || r.Contender != "b" || r.Calls < 1 {
		t.Errorf("found %+v, %v", r, err)
	}

	broken := errors.New("no answer")
	if _, err := (turns{rounds: 1, length: time.Second}).open(t.Context(), 1, []contender{fake("a", &made, nil), fake("b", &made, broken)}); !errors.Is(err, broken) {
		t.Errorf("a failed call gives %v", err)
	}
	contenders[1].limit = "nobody"
	if _, err := (turns{rounds: 1, length: time.Second}).open(t.Context(), 1, contenders); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("an unknown limit gives %v", err)
	}
}

// Ratios are medians of those of single rounds, which a machine that becomes slow between two
// rounds does not change.
func TestRatiosAreOfRounds(t *testing.T) {
	limit := []sample{{rate: 100, p99: 1, cpu: 10}, {rate: 10, p99: 10, cpu: 100}, {rate: 50, p99: 2, cpu: 0}}
	own := []sample{{rate: 50, p99: 2, cpu: 20}, {rate: 5, p99: 20, cpu: 200}, {rate: 5, p99: 20, cpu: 7}}
	var r row
	r.fill(own, limit)
	got := []float64{r.Rate, r.RateRatio, r.P99, r.P99Ratio, r.CPU, r.CPURatio}
	if diff := cmp.Diff([]float64{5, 0.5, 20, 2, 20, 2}, got); diff != "" {
		t.Errorf("rate, p99 and CPU with their ratios (-want +got):\n%s", diff)
	}
}

// sampleResult has a claim that is met, one that is not and one without an aim, and rows of each
// kind of load.
func sampleResult() result {
	s := newSection("calls", "Recommend")
	s.add("calls a second", "0.80 ×", "≥ 0.75 ×", true)
	s.add("CPU a call", "2.00 ×", "≤ 1.60 ×", false)
	s.add("p99", "1.00 ms", "", true)
	for _, n := range atATime() {
		s.Rows = append(s.Rows,
			row{Contender: raw, Limit: raw, Callers: n, Rate: 1000, P50: 1, P99: 2, CPU: 50, RateRatio: 1, P99Ratio: 1, CPURatio: 1},
			row{Contender: replica, Limit: raw, Callers: n, Rate: 800, P50: 1.5, P99: 2.5, CPU: 100, Allocations: 120, Resident: 40, RateRatio: 0.8, P99Ratio: 1.25, CPURatio: 2})
	}
	s.Rows = append(s.Rows, row{Contender: replica, Limit: raw, Callers: openCallers, Offered: 400, P50: 1, P99: 2, P999: 3, P99Ratio: 1.25})
	return result{Machine: "a machine", Rounds: 5, Turn: "1s", Sections: []section{s}}
}

func TestDocument(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, document)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("before\n<!-- make bench writes from here -->\nold\n<!-- to here -->\nafter\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := sampleResult()
	if err := r.write(root); err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	text := read(document)
	for _, want := range []string{
		"before\n", "\nafter\n", "](performance.svg)", "](performance.json)", "a machine; medians of 5 rounds",
		"| calls a second | 0.80 × | ≥ 0.75 × | yes |\n", "| CPU a call | 2.00 × | ≤ 1.60 × | no |\n", "| p99 | 1.00 ms |  |  |\n",
		"| grpc-go alone | 64 | 1000 | 1.00 / 2.00 ms | 50 µs | 0 | 0 MB |\n",
		"| replica | 64 | 800 (0.80 ×) | 1.50 / 2.50 ms (1.25 ×) | 100 µs (2.00 ×) | 120 | 40 MB |\n",
		"| replica | 400 | 1.00 / 2.00 / 3.00 ms | 2.00 ms (1.25 ×) |\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the document lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "\nold\n") {
		t.Error("the document has the old figures")
	}
	if got := r.missed(); len(got) != 1 || !strings.Contains(got[0], "CPU a call: 2.00 ×") {
		t.Errorf("missed: %q", got)
	}
	var again result
	if err := json.Unmarshal([]byte(read(figures)), &again); err != nil || again.Sections[0].Rows[1].CPURatio != 2 {
		t.Errorf("%+v, %v", again, err)
	}
	// One line a contender that has a limit, in both panels.
	lines := 0
	for d := xml.NewDecoder(strings.NewReader(read(picture))); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "polyline" {
			lines++
		}
	}
	if lines != 2 {
		t.Errorf("%d lines in the picture, want 2", lines)
	}
	for want, of := range map[string][2]string{
		"Recommend": {"calls", replica}, "JSON, kept": {"json", "shop"}, "JSON, not kept": {"json", "shop" + once},
	} {
		if got := legend(of[0], of[1]); got != want {
			t.Errorf("the legend of %v is %q, want %q", of, got, want)
		}
	}
}

// The document names each section.
func TestSections(t *testing.T) {
	field, _ := reflect.TypeFor[Command]().FieldByName("Only")
	var names []string
	for _, m := range measurements() {
		names = append(names, m.name)
	}
	if help := field.Tag.Get("help"); !strings.Contains(help, strings.Join(names, ", ")+".") {
		t.Errorf("the help of --only does not list %v: %s", names, help)
	}
	chosen, err := (&Command{Only: []string{"tls", "size"}}).chosen()
	if err != nil || len(chosen) != 2 || chosen[0].name != "size" || chosen[1].name != "tls" {
		t.Errorf("chosen %v, %v", chosen, err)
	}
	for want, c := range map[string]Command{
		`no section "sise"`: {Only: []string{"sise"}, Rounds: 1, Turn: time.Second},
		"--rounds is 0":     {Turn: time.Second},
		"--turn is 1ms":     {Rounds: 1, Turn: time.Millisecond},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", c, err, want)
		}
	}
	if err := (&Command{Rounds: 1, Turn: time.Second}).Validate(); err != nil {
		t.Error(err)
	}
}

// A part of the sections is not written over the whole.
func TestWriteNeedsAllSections(t *testing.T) {
	bin := t.TempDir()
	for _, name := range []string{"marketplace", "recommendations"} {
		if err := os.WriteFile(filepath.Join(bin, name), slices.Repeat([]byte("x"), 1e6), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(t.TempDir(), "figures.json")
	var printed strings.Builder
	err := (&Command{Only: []string{"size"}, Rounds: 1, Turn: time.Second, Bin: bin, Write: true, Out: out, Root: t.TempDir()}).Run(t.Context(), &printed)
	if err == nil || !strings.Contains(err.Error(), "nothing is written") || !strings.Contains(printed.String(), "| marketplace | 1.0 MB |") {
		t.Errorf("%v, printed\n%s", err, printed.String())
	}
	if text, err := os.ReadFile(out); err != nil || !strings.Contains(string(text), `"measured": "1.0 MB"`) {
		t.Errorf("%s, %v", text, err)
	}
}
