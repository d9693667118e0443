package evaluate_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/evaluate"
)

// The benchmarks in package engine use synthetic data, these use goodbooks-10k.

func BenchmarkTrainGoodbooks(b *testing.B) {
	g := openGoodbooks(b)
	data := g.dataset(g.split())
	for b.Loop() {
		if _, err := engine.Train(b.Context(), data, engine.DefaultParams(), runtime.GOMAXPROCS(0)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRankGoodbooks asks for 20 books for held-out readers whose histories
// have the same length, with and without a category.
func BenchmarkRankGoodbooks(b *testing.B) {
	g := openGoodbooks(b)
	s, r := g.split(), trainedRanker(b)
	fantasy := slices.Index(g.names, "fantasy")
	for _, h := range []int{20, 50, 100} {
		histories := histories(b, s, h)
		for name, category := range map[string]int{"any": engine.AnyCategory, "fantasy": fantasy} {
			b.Run(fmt.Sprintf("h=%d/%s", h, name), func(b *testing.B) {
				dst := make([]engine.Scored, 0, 20)
				b.ReportAllocs()
				for k := 0; b.Loop(); k++ {
					q := engine.Query{History: histories[k%len(histories)], Category: category, K: 20}
					dst = r.Rank(dst[:0], q)
				}
			})
		}
	}
}

// histories returns h books, in random order, of each reader who has that many.
func histories(b *testing.B, s evaluate.Split, h int) [][]int32 {
	b.Helper()
	rng := rand.New(rand.NewPCG(1, 1))
	var list [][]int32
	for _, c := range s.Shorten(h).Cases {
		if items := slices.Clone(c.FoldIn); len(items) == h {
			rng.Shuffle(h, func(a, b int) { items[a], items[b] = items[b], items[a] })
			list = append(list, items)
		}
	}
	if len(list) == 0 {
		b.Fatalf("no reader has %d books", h)
	}
	return list
}

func BenchmarkSimilarGoodbooks(b *testing.B) {
	openGoodbooks(b)
	r := trainedRanker(b)
	dst := make([]engine.Scored, 0, 20)
	b.ReportAllocs()
	for k := 0; b.Loop(); k++ {
		dst = r.Similar(dst[:0], int32(k%r.Items()), 20)
	}
}
