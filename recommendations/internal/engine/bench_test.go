package engine_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"testing"
	"time"

	"bookstall/recommendations/internal/engine"
)

// fullSize returns synthetic data of the size of goodbooks-10k: 53,366 readers with
// 4.1 million positives and 1.8 million other ratings of 10,000 books, four by
// each author. Benchmarks on real data are in package evaluate.
func fullSize(b *testing.B) engine.Dataset {
	b.Helper()
	d := clusters(53_366, 10_000, 112, 1)
	rng := rand.New(rand.NewPCG(7, 7))
	likes := 0
	for _, items := range d.Readers {
		strengths := make([]engine.Strength, len(items))
		for k := range strengths {
			if strengths[k] = engine.DefaultStrengths().Of(5); rng.IntN(10) < 3 {
				strengths[k] = engine.DefaultStrengths().Of(3)
			} else {
				likes++
			}
		}
		d.Strengths = append(d.Strengths, strengths)
	}
	if likes < 4_000_000 || likes > 4_200_000 {
		b.Fatalf("%d positives, want about 4.1 million", likes)
	}
	for i := range d.Items {
		d.Authors = append(d.Authors, int32(i/4))
	}
	return d
}

// BenchmarkTrain also reports the most memory that the process, data set included,
// held from the operating system. Run it with -cpu 1 for the time on one core.
func BenchmarkTrain(b *testing.B) {
	d := fullSize(b)
	workers := runtime.GOMAXPROCS(0)
	debug.FreeOSMemory() // return what generating the data took
	peak := watchMemory()
	for b.Loop() {
		if _, err := engine.Train(b.Context(), d, engine.DefaultParams(), workers); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(peak())/1e6, "peak-MB")
}

// watchMemory samples how much memory the process holds. The returned function
// stops it and returns the highest sample, in bytes.
func watchMemory() (peak func() uint64) {
	stop, result := make(chan struct{}), make(chan uint64)
	go func() {
		samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		most := uint64(0)
		for {
			metrics.Read(samples)
			most = max(most, samples[0].Value.Uint64()-samples[1].Value.Uint64())
			select {
			case <-tick.C:
			case <-stop:
				result <- most
				return
			}
		}
	}()
	return func() uint64 { close(stop); return <-result }
}

// BenchmarkRank asks for 20 books for readers with h books: of all
// categories, and of one of twenty.
func BenchmarkRank(b *testing.B) {
	d := fullSize(b)
	model, err := engine.Train(b.Context(), d, engine.DefaultParams(), runtime.GOMAXPROCS(0))
	if err != nil {
		b.Fatal(err)
	}
	categories := make([][]int, d.Items)
	for i := range categories {
		categories[i] = []int{i % 20}
	}
	r := newRanker(b, engine.Config{Model: model, Categories: categories, Prior: engine.DefaultPrior()})
	for _, h := range []int{20, 50, 100} {
		histories := someHistories(d, h)
		for _, category := range []int{engine.AnyCategory, 0} {
			b.Run(fmt.Sprintf("h=%d/category=%d", h, category), func(b *testing.B) {
				dst := make([]engine.Scored, 0, 20)
				b.ReportAllocs()
				for k := 0; b.Loop(); k++ {
					q := engine.Query{History: histories[k%len(histories)], Category: category, K: 20}
					dst = r.Rank(dst[:0], q)
				}
			})
		}
	}
	b.Run("h=100 and 40 weak", func(b *testing.B) {
		histories, dst := someHistories(d, 140), make([]engine.Scored, 0, 20)
		strengths := make([]engine.Strength, 140)
		for k := range strengths {
			if strengths[k] = engine.DefaultStrengths().Of(4); k >= 100 {
				strengths[k] = engine.DefaultStrengths().Of(3)
			}
		}
		b.ReportAllocs()
		for k := 0; b.Loop(); k++ {
			q := engine.Query{History: histories[k%len(histories)], Strengths: strengths, Category: engine.AnyCategory, K: 20}
			dst = r.Rank(dst[:0], q)
		}
	})
	b.Run("h=100/K=100", func(b *testing.B) {
		histories, dst := someHistories(d, 100), make([]engine.Scored, 0, 100)
		b.ReportAllocs()
		for k := 0; b.Loop(); k++ {
			q := engine.Query{History: histories[k%len(histories)], Category: engine.AnyCategory, K: 100}
			dst = r.Rank(dst[:0], q)
		}
	})
}

// someHistories returns 200 histories of h books in random order, cut from longer
// ones.
func someHistories(d engine.Dataset, h int) [][]int32 {
	rng := rand.New(rand.NewPCG(9, 9))
	var histories [][]int32
	for _, items := range d.Readers {
		if len(items) >= h && len(histories) < 200 {
			items = slices.Clone(items)
			rng.Shuffle(len(items), func(a, b int) { items[a], items[b] = items[b], items[a] })
			histories = append(histories, items[:h])
		}
	}
	return histories
}
