package bench

import (
	"testing"

	"bookstall/internal/test/programtest"
)

// TestBalance holds the built programs to the figures of docs/performance.md
// that do not depend on the machine's speed.
func TestBalance(t *testing.T) {
	// A page waits longer than usual, as the machine may be busy.
	figs, err := measureBalance(t.Context(), programtest.Build(t), "--recommendations-timeout=5s")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range figs.Rows {
		if met := row[3]; met == "no" {
			t.Errorf("%s: measured %s, aim %s", row[0], row[1], row[2])
		}
		t.Logf("%s: %s", row[0], row[1])
	}
}
