package engine_test

import (
	"math/rand/v2"
	"slices"

	"bookstall/recommendations/internal/engine"
)

// randomDataset returns a small, irregular data set: some readers like nothing,
// some items have no readers, and items with a low index have most.
func randomDataset(rng *rand.Rand) engine.Dataset {
	d := engine.Dataset{Items: 1 + rng.IntN(40)}
	for range rng.IntN(60) {
		items := []int32{}
		for range rng.IntN(12) {
			i := int32(rng.IntN(1 + rng.IntN(d.Items)))
			if !slices.Contains(items, i) {
				items = append(items, i)
			}
		}
		slices.Sort(items)
		d.Readers = append(d.Readers, items)
	}
	if rng.IntN(3) > 0 {
		for _, items := range d.Readers {
			d.Strengths = append(d.Strengths, randomStrengths(rng, len(items)))
		}
	}
	if rng.IntN(3) > 0 {
		for range d.Items {
			d.Authors = append(d.Authors, int32(rng.IntN(8)-2))
		}
	}
	return d
}

func randomStrengths(rng *rand.Rand, n int) []engine.Strength {
	list := make([]engine.Strength, n)
	for k := range list {
		list[k] = engine.Strength(rng.IntN(int(engine.Full) + 1))
	}
	return list
}

func randomParams(rng *rand.Rand) engine.Params {
	p := engine.Params{
		Neighbours: 1 + rng.IntN(8),
		Alpha:      float64(rng.IntN(5)) / 4,
		Lambda:     0.1 + 5*rng.Float64(),
		Author:     float64(rng.IntN(3)) * rng.Float64(),
	}
	if p.Alpha == 1 {
		p.Author = 0 // otherwise only rounding would order the books of one author
	}
	return p
}

// randomModel returns a model whose weights, of both signs, come from a small set,
// so that equal scores are common.
func randomModel(rng *rand.Rand) engine.Model {
	n := rng.IntN(30)
	m := engine.Model{RowStart: []int32{0}, Counts: make([]int32, n)}
	for i := range n {
		m.Counts[i] = int32(rng.IntN(4))
		for j := range n {
			if j != i && rng.IntN(3) == 0 {
				m.Targets = append(m.Targets, int32(j))
				m.Weights = append(m.Weights, float32(rng.IntN(9)-4)/32)
			}
		}
		m.RowStart = append(m.RowStart, int32(len(m.Targets)))
	}
	return m
}

func randomConfig(rng *rand.Rand) engine.Config {
	c := engine.Config{Model: randomModel(rng), Prior: engine.DefaultPrior()}
	n := c.Model.Items()
	if rng.IntN(4) > 0 {
		c.Categories = make([][]int, n)
		for i := range c.Categories {
			for range rng.IntN(4) {
				c.Categories[i] = append(c.Categories[i], rng.IntN(5))
			}
		}
	}
	if rng.IntN(2) > 0 {
		c.Popularity = make([]int64, n)
		for i := range c.Popularity {
			c.Popularity[i] = int64(rng.IntN(1 + rng.IntN(1000)))
		}
	}
	if rng.IntN(4) == 0 {
		c.Prior = engine.Prior{Cap: 1e-9, Scale: 1e-9}
	}
	return c
}

// randomQuery returns a query that may have items that do not exist, repeated
// items, and a category without books.
func randomQuery(rng *rand.Rand, n int) engine.Query {
	items := func() []int32 {
		var list []int32
		for range rng.IntN(8) {
			list = append(list, int32(rng.IntN(n+4)-2))
		}
		return list
	}
	return engine.Query{
		History:   items(),
		Strengths: randomStrengths(rng, rng.IntN(8)),
		Exclude:   items(),
		Category:  rng.IntN(8) - 2,
		K:         rng.IntN(n+5) - 1,
	}
}
