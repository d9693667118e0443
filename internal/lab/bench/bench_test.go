package main

import (
	"testing"

	"bookstall/internal/test/programtest"
)

// TestBalance holds the built programs to the figures of docs/performance.md
// that do not depend on the machine's speed.
func TestBalance(t *testing.T) {
	bin := programtest.Build(t)
	figures, err := measureBalance(t.Context(), bin)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range figures.rows {
		if !r.met {
			t.Errorf("%s: %s, want %s", r.what, r.got, r.aim)
		}
		t.Logf("%s: %s", r.what, r.got)
	}
}
