package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The committed data depends on these draws, so they must be the same on every
// machine.
func TestDiceAreTheSameEverywhere(t *testing.T) {
	d := newDice(1)
	var got []int64
	for range 8 {
		got = append(got, d.below(1000))
	}
	if diff := cmp.Diff([]int64{879, 386, 691, 131, 853, 544, 876, 648}, got); diff != "" {
		t.Error(diff)
	}
}

func TestUrn(t *testing.T) {
	d := newDice(2)
	u := newUrn([]int64{1, 5, 2, 1})
	u.set(1, 0)
	counts := make([]int, 4)
	for range 4000 {
		counts[u.draw(d)]++
	}
	if counts[1] != 0 || counts[0] < 900 || counts[0] > 1100 || counts[2] < 1900 || counts[2] > 2100 {
		t.Errorf("drew %v", counts)
	}
	if i := newUrn([]int64{0, 0}).draw(d); i != -1 {
		t.Errorf("drew %d from an urn without weights", i)
	}
}
