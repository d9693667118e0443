package main

import (
	"io"
	"strings"
	"testing"
	"time"

	"bookstall/internal/fleet"
)

// TestMeasure runs each scenario for a moment on the built programs.
func TestMeasure(t *testing.T) {
	bin := t.TempDir()
	if err := fleet.Build(t.Context(), bin); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := run(t.Context(), []string{"-bin", bin, "-rounds=1", "-turn=100ms"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	t.Log(out.String())
	free, few := scenarios()
	for _, s := range append(free, few...) {
		if !strings.Contains(out.String(), "| "+s.name) {
			t.Errorf("no table of %q", s.name)
		}
	}
}

func TestRefusesFlags(t *testing.T) {
	for _, args := range [][]string{{"-rounds=0"}, {"-turn=1ms"}, {"-hedge"}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%v is taken", args)
		}
	}
}

func TestSum(t *testing.T) {
	list := []block{
		{took: []time.Duration{1, 5}, good: 1, timedOut: 1, sent: 1, elapsed: 2},
		{took: []time.Duration{2, 4, 9}, good: 3, refused: 2, sent: 1, won: 1, elapsed: 3},
	}
	got := sum(list)
	if len(got.took) != 5 || quantile(got.took, 0.5) != 4 || quantile(got.took, 1) != 9 {
		t.Errorf("took %v", got.took)
	}
	if got.good != 4 || got.timedOut != 1 || got.refused != 2 || got.sent != 2 || got.won != 1 || got.elapsed != 5 {
		t.Errorf("got %+v", got)
	}
}
