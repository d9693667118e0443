package main

import (
	"math/bits"
	"math/rand/v2"
)

// dice draws whole numbers. It takes only raw 64-bit numbers from the standard
// library: those of PCG are specified, how they become a range is not.
type dice struct{ source *rand.PCG }

// newDice gives each reader a stream of its own, so that a change in one taste
// does not change all readers after it.
func newDice(stream uint64) dice {
	return dice{rand.NewPCG(seed, stream)}
}

// below returns 0 to n-1, for n > 0.
func (d dice) below(n int64) int64 {
	high, _ := bits.Mul64(d.source.Uint64(), uint64(n))
	return int64(high)
}

// chance is true in so many of 100 cases.
func (d dice) chance(percent int64) bool {
	return d.below(100) < percent
}

// urn draws indexes, each as often as its weight says. It knows the sum of its
// weights, so that changing one of many is cheap.
type urn struct {
	weights []int64
	total   int64
}

func newUrn(weights []int64) *urn {
	u := &urn{weights: weights}
	for _, w := range weights {
		u.total += w
	}
	return u
}

func (u *urn) set(i int, weight int64) {
	u.total += weight - u.weights[i]
	u.weights[i] = weight
}

// draw returns -1 when all weights are 0.
func (u *urn) draw(d dice) int {
	if u.total == 0 {
		return -1
	}
	rest := d.below(u.total)
	for i, w := range u.weights {
		rest -= w
		if rest < 0 {
			return i
		}
	}
	return -1 // not reached: rest was less than the total
}
