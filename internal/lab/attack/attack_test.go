package attack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"bookstall/internal/lab/load"
	"bookstall/internal/test/programtest"
)

// TestMain is also the attacker's process: a test starts this program for it.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "assail" {
		if err := assail(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// assail makes all attacks, some at a time.
func assail(args []string) error {
	var a Assail
	parser, err := kong.New(&a)
	if err != nil {
		return err
	}
	if _, err := parser.Parse(args); err != nil {
		return err
	}
	var attacking errgroup.Group
	attacking.SetLimit(14)
	raids := map[string]*raid{}
	for _, attack := range all() {
		r := &raid{shop: a.Shop, replica: a.Replica, share: a.Share, length: a.Length, counts: map[string]int{}}
		raids[attack.name] = r
		attacking.Go(func() error {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			go r.endAfter(ctx, a.Length, cancel)
			if err := attack.do(ctx, r); err != nil && ctx.Err() == nil {
				return fmt.Errorf("%s: %w", attack.name, err)
			}
			return nil
		})
	}
	if err := attacking.Wait(); err != nil {
		return err
	}
	sum := did{Counts: map[string]int{}}
	for name, r := range raids {
		if sum.Counts[name] = len(r.counts); len(r.counts) == 0 {
			sum.Wrong = append(sum.Wrong, name+" did nothing")
		}
		for _, wrong := range r.wrong {
			sum.Wrong = append(sum.Wrong, name+": "+wrong)
		}
	}
	return json.NewEncoder(os.Stdout).Encode(sum)
}

// endAfter ends an attack when its time is up and it has done something: beside 13 others
// its first answer may come later than that.
func (r *raid) endAfter(ctx context.Context, length time.Duration, end context.CancelFunc) {
	const look = 20 * time.Millisecond
	for wait := length; ; wait = look {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		r.mu.Lock()
		done := len(r.counts) > 0
		r.mu.Unlock()
		if done {
			end()
			return
		}
	}
}

// TestAttacks makes all attacks, with small counts. The machine may be busy, so
// that its speed is not tested.
func TestAttacks(t *testing.T) {
	bin := programtest.Build(t)
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	opts := options{attacker: []string{own, "assail"}, share: 0.01, length: 5 * time.Second, quiet: time.Second, unpaced: true}
	target, err := newTarget(t.Context(), bin, "sqlite:"+filepath.Join(t.TempDir(), "store.db"), io.Discard, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := target.Close(); err != nil {
			t.Error(err)
		}
	}()
	r, err := target.suffer(t.Context(), attack{name: "all"})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r.line())
	for _, fault := range r.faults {
		if !strings.HasPrefix(fault, beside) {
			t.Error(fault)
		}
	}
	if r.reader.Failed > 0 {
		t.Errorf("the reader beside: %v, %v", r.reader.Counts, r.reader.Reasons)
	}
	var table bytes.Buffer
	table.WriteString(markdown(target, []result{{attack: all()[0], peaks: []int64{1 << 20, 2 << 20, 3 << 20}, faults: []string{"a | b"}}}, time.Second))
	for _, want := range []string{"0 of 1 attacks withstood", "| slow-headers | ", "| 1 MiB | 3 MiB |", `FAIL: a \| b |`} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, &table)
		}
	}
}

func TestCommand(t *testing.T) {
	var list bytes.Buffer
	if err := (&Command{List: true}).Run(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, a := range all() {
		if slices.Contains(seen, a.name) || a.name == "" || a.shows == "" || a.do == nil || !strings.Contains(list.String(), a.name+" ") {
			t.Errorf("attack %q is incomplete, not listed, or its name is used twice", a.name)
		}
		seen = append(seen, a.name)
	}
	if err := (&Command{Only: []string{"garbage", "nothing"}}).Run(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), `"nothing"`) {
		t.Errorf("with an unknown attack: %v, want an error that names it", err)
	}
}

// A reader who notices anything fails an attack; one whose GET had to be repeated does not.
func TestTheReaderBesideIsJudged(t *testing.T) {
	quiet := load.Report{P99: 10}
	for name, test := range map[string]struct {
		report load.Report
		want   string
	}{
		"nothing":  {load.Report{Counts: load.Counts{Calls: 9, Full: 9, Retried: 3}, P99: 50}, ""},
		"slow":     {load.Report{Counts: load.Counts{Calls: 9, Full: 9}, P99: 50.1}, "p99 50.1 ms, want at most 50.0"},
		"fallback": {load.Report{Counts: load.Counts{Calls: 9, Full: 8, Fallback: 1}}, "fallback"},
		"shed":     {load.Report{Counts: load.Counts{Calls: 9, Full: 8, Shed: 1}}, "1 shed"},
		"failed":   {load.Report{Counts: load.Counts{Calls: 9, Full: 8, Failed: 1}}, "1 failed"},
		"no calls": {load.Report{}, "no calls"},
	} {
		t.Run(name, func(t *testing.T) {
			var r result
			r.judgeReader(quiet, test.report)
			if got := strings.Join(r.faults, "; "); !strings.Contains(got, test.want) || test.want == "" && got != "" {
				t.Errorf("faults %q, want %q", got, test.want)
			}
		})
	}
	if got := limit(load.Report{P99: 30}); got != 100 {
		t.Errorf("with 30 ms without an attack the limit is %v ms, want 100", got)
	}
}

func TestBadLinesOfTheLogAreFound(t *testing.T) {
	l := lines{to: io.Discard}
	for _, line := range []string{
		"shop {\"msg\":\"a\"}\n", "shop {\"msg\":\"a\\nb\"}\n", "shop {\"msg\":\"\ufffd\"}\n",
		"shop no JSON\n", "shop {\"msg\":\"\u202e\"}\n", "shop {\"msg\":\"\x7f\"}\n",
	} {
		if _, err := l.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if got := l.faults(); len(got) != 3 || len(l.faults()) != 0 {
		t.Errorf("bad lines %q, want the last three, once", got)
	}
}
