//go:build large

package engine_test

import (
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"bookstall/recommendations/internal/engine"
)

// TestTrainHuge trains on 100,000 books and about 20 million positives, on two
// cores. docs/performance.md promises its limits.
func TestTrainHuge(t *testing.T) {
	d := clusters(180_000, 100_000, 115, 3)
	positives := 0
	for _, r := range d.Readers {
		positives += len(r)
	}
	data := peakMB(t)
	began := time.Now()
	model, err := engine.Train(t.Context(), d, engine.DefaultParams(), 2)
	if err != nil {
		t.Fatal(err)
	}
	took, peak := time.Since(began), peakMB(t)
	t.Logf("%d positives (%d MB, with the memory to generate them): trained in %v, at most %d MB, %d weights",
		positives, data, took, peak, len(model.Weights))
	if positives < 19_000_000 {
		t.Errorf("only %d positives", positives)
	}
	if took > 10*time.Minute || peak > 4096 {
		t.Errorf("took %v and %d MB, want at most 10 min and 4096 MB", took, peak)
	}
}

// peakMB returns the most memory that this process has had so far, in MiB.
func peakMB(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	kB, err := strconv.Atoi(regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindStringSubmatch(string(status))[1])
	if err != nil {
		t.Fatal(err)
	}
	return kB >> 10
}
