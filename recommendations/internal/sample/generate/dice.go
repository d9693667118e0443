package main

import (
	"math/bits"
	"math/rand/v2"
)

// dice draws whole numbers. It uses only the raw 64-bit output of PCG, which is
// specified; how package rand reduces it to a range is not.
type dice struct{ source *rand.PCG }

// newDice returns the dice of one stream. Each reader has a stream of its own, so
// that a change to one taste does not change all later readers.
func newDice(stream uint64) dice {
	return dice{rand.NewPCG(seed, stream)}
}

// below returns a number from 0 to n-1. n must be positive.
func (d dice) below(n int64) int64 {
	high, _ := bits.Mul64(d.source.Uint64(), uint64(n))
	return int64(high)
}

// chance returns true with the given probability in percent.
func (d dice) chance(percent int64) bool {
	return d.below(100) < percent
}

// urn draws indexes with probabilities proportional to their weights. It keeps
// the sum of the weights, so that changing one of many is cheap.
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

// draw returns an index, or -1 when all weights are 0.
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
	return -1 // unreachable: rest was less than the total
}
