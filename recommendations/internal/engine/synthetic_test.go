package engine_test

import (
	"math"
	"math/rand/v2"
	"slices"

	"bookstall/recommendations/internal/engine"
)

// clusters generates readers from a seed. Item i is of kind i mod 40; a reader
// likes books of three kinds and some of any kind. Popularity falls with the
// index, steeply at first, as in a real shop. Readers like about mean books on
// average, and at most three times as many.
func clusters(readers, items, mean int, seed uint64) engine.Dataset {
	const kinds = 40
	rng := rand.New(rand.NewPCG(seed, 5))
	// draw returns 0 to n-1, low numbers more often.
	draw := func(n int) int { return int(float64(n) * math.Pow(rng.Float64(), 2)) }
	d := engine.Dataset{Items: items, Readers: make([][]int32, readers)}
	seen := make([]int, items) // last reader who likes each item, from 1
	for r := range d.Readers {
		tastes := [3]int{rng.IntN(kinds), rng.IntN(kinds), rng.IntN(kinds)}
		length := 1 + int(float64(mean-1)*min(rng.ExpFloat64()/2+0.5, 3))
		list := make([]int32, 0, length)
		for tries := 0; len(list) < length && tries < 4*length; tries++ {
			i := draw(items)
			if rng.IntN(5) > 0 {
				i = min(draw(items/kinds)*kinds+tastes[rng.IntN(3)], items-1)
			}
			if seen[i] != r+1 {
				seen[i] = r + 1
				list = append(list, int32(i))
			}
		}
		slices.Sort(list)
		d.Readers[r] = list
	}
	return d
}
