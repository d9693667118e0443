package evaluate

import (
	"math"
	"strings"
	"testing"
)

// The tests of the evaluate command compare the whole output with golden files.

func TestAxisStep(t *testing.T) {
	for _, highest := range []float64{0, 0.001, 0.05, 0.1, 0.1499, 0.4654, 0.5, 0.9, 1} {
		step := axisStep(highest)
		if parts := max(highest, 0.01) / step; parts < 4 || parts > 10 && highest >= 0.01 {
			t.Errorf("axisStep(%v) is %v: %v parts", highest, step, parts)
		}
		first := step / math.Pow(10, math.Floor(math.Log10(step)))
		if r := math.Round(first * 100); r != 100 && r != 500 && r != 250 {
			t.Errorf("axisStep(%v) is %v, which is not a round number", highest, step)
		}
	}
}

func TestPlotOfNothing(t *testing.T) {
	var b strings.Builder
	if err := (Report{}).WritePlot(&b); err == nil || b.Len() > 0 {
		t.Errorf("%v, wrote %q", err, b.String())
	}
}

func TestFraction(t *testing.T) {
	for f, want := range map[fraction]string{0: "0", 1: "1", 0.5: "0.5", 1. / 3: "0.33333", 0.000001: "0", 10: "10"} {
		if got, err := f.MarshalJSON(); err != nil || string(got) != want {
			t.Errorf("%v: %s, %v, want %s", float64(f), got, err, want)
		}
	}
}
