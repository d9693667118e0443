package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Training in many chunks must give the same model as in one.
func TestChunksMakeNoDifference(t *testing.T) {
	d := Dataset{Items: 23}
	for r := range int32(50) {
		var items []int32
		for i := r % 3; i < 23; i += 1 + (r+i)%5 {
			items = append(items, i)
		}
		d.Readers = append(d.Readers, items)
		strengths := make([]Strength, len(items))
		for k := range strengths {
			strengths[k] = Strength((int(r) + 5*k) % (int(Full) + 1))
		}
		d.Strengths = append(d.Strengths, strengths)
	}
	for i := range int32(23) {
		d.Authors = append(d.Authors, i/4-1)
	}
	p := Params{Neighbours: 5, Alpha: 0.5, Lambda: 1, Author: 0.5}
	want, err := Train(t.Context(), d, p, 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(want.Weights) < 100 {
		t.Fatalf("%d weights, want enough to compare", len(want.Weights))
	}
	for _, chunk := range []int{1, 10, 25, 70, 220, 230, 240} { // 10 pairs an item
		got, err := train(t.Context(), d, p, 2, chunk)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("chunks of %d pairs (-want +got):\n%s", chunk, diff)
		}
	}
}
