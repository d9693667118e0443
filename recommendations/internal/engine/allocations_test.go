//go:build !race

package engine_test

import (
	"math/rand/v2"
	"testing"

	"bookstall/recommendations/internal/engine"
)

func TestAllocationsOfRank(t *testing.T) {
	shop := newSmallShop(t)
	r := shop.ranker(t)
	dst := make([]engine.Scored, 0, 10)
	q := engine.Query{History: []int32{0, 5, 12}, Strengths: []engine.Strength{5}, Exclude: []int32{2}, Category: sf, K: 10}
	if n := testing.AllocsPerRun(200, func() { dst = r.Rank(dst[:0], q) }); n > 0 {
		t.Errorf("Rank: %v allocations", n)
	}
	if n := testing.AllocsPerRun(200, func() { dst = r.Similar(dst[:0], 3, 10) }); n > 0 {
		t.Errorf("Similar: %v allocations", n)
	}
}

func TestAllocationsOfRankVaried(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 4))
	d := clusters(500, 300, 20, 1)
	model, err := engine.Train(t.Context(), d, engine.DefaultParams(), 2)
	if err != nil {
		t.Fatal(err)
	}
	c := engine.Config{Model: model, Prior: engine.DefaultPrior(), Authors: make([]int32, d.Items)}
	for i := range c.Authors {
		c.Authors[i] = int32(rng.IntN(d.Items / 4))
	}
	r := newRanker(t, c)
	dst := make([]engine.Scored, 0, 13)
	v := engine.Variety{PerAuthor: 2, Outside: 2, New: []int32{299, 298}}
	if n := testing.AllocsPerRun(100, func() {
		r.RankVaried(dst, engine.Query{History: d.Readers[0], Category: engine.AnyCategory, K: 13}, v)
	}); n > 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
