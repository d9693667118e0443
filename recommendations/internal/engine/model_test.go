package engine_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bookstall/recommendations/internal/engine"
)

func smallModel() engine.Model {
	return engine.Model{
		RowStart: []int32{0, 2, 2, 3},
		Targets:  []int32{1, 2, 0},
		Weights:  []float32{0.5, -0.25, 1},
		Counts:   []int32{4, 0, 2},
	}
}

func TestModelRow(t *testing.T) {
	targets, weights := smallModel().Row(0)
	if diff := cmp.Diff([]int32{1, 2}, targets); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]float32{0.5, -0.25}, weights); diff != "" {
		t.Errorf("weights (-want +got):\n%s", diff)
	}
}

func TestModelValidate(t *testing.T) {
	if err := smallModel().Validate(); err != nil {
		t.Fatalf("valid model: %v, want no error", err)
	}
	tests := []struct {
		name  string
		spoil func(*engine.Model)
		want  string
	}{
		{"zero", func(m *engine.Model) { *m = engine.Model{} }, "0 row starts, want 1"},
		{"rows missing", func(m *engine.Model) { m.RowStart = m.RowStart[:3] }, "3 row starts, want 4"},
		{"weights missing", func(m *engine.Model) { m.Weights = m.Weights[:1] }, "1 weights for 3 targets"},
		{"cells left over", func(m *engine.Model) { m.RowStart[3] = 2 }, "want 0 to 3"},
		{"rows start late", func(m *engine.Model) { m.RowStart[0] = 1 }, "want 0 to 3"},
		{"row backwards", func(m *engine.Model) { m.RowStart[1] = 3 }, "row 1 ends before it starts"},
		{"row beyond the end", func(m *engine.Model) { m.RowStart[1] = 100 }, "row 1 ends before it starts"},
		{"row before the start", func(m *engine.Model) { m.RowStart[1] = -1 }, "row 0 ends before it starts"},
		{"negative count", func(m *engine.Model) { m.Counts[1] = -1 }, "item 1 has a count of -1"},
		{"target too high", func(m *engine.Model) { m.Targets[1] = 3 }, "row 0: target 3 is out of range"},
		{"target negative", func(m *engine.Model) { m.Targets[0] = -1 }, "row 0: target -1"},
		{"target twice", func(m *engine.Model) { m.Targets[1] = 1 }, "row 0: target 1 after target 1"},
		{"itself", func(m *engine.Model) { m.Targets[2] = 2 }, "row 2: an item must not"},
		{"NaN", func(m *engine.Model) { m.Weights[2] = float32(math.NaN()) }, "row 2: the weight of target 0 is NaN"},
		{"endless", func(m *engine.Model) { m.Weights[0] = float32(math.Inf(-1)) }, "row 0: the weight of target 1 is -Inf"},
	}
	for _, tt := range tests {
		m := smallModel()
		tt.spoil(&m)
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}
