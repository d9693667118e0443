package evaluate_test

import (
	"runtime"
	"testing"

	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/evaluate"
)

// newRanker trains the engine on a split, as the service does.
func newRanker(tb testing.TB, s evaluate.Split, prior engine.Prior, categories [][]int) *engine.Ranker {
	tb.Helper()
	data := engine.Dataset{Items: s.Items, Readers: s.Train}
	model, err := engine.Train(data, engine.DefaultParams(), runtime.GOMAXPROCS(0))
	if err != nil {
		tb.Fatal(err)
	}
	r, err := engine.NewRanker(engine.Config{Model: model, Categories: categories, Prior: prior})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// recommender lets a ranker be measured.
func recommender(r *engine.Ranker) evaluate.Recommender {
	var scored []engine.Scored
	return func(dst, foldIn, hidden []int32, k int) []int32 {
		scored = r.Recommend(scored[:0], engine.Query{
			History: foldIn, Exclude: hidden, Category: engine.AnyCategory, K: k,
		})
		for _, s := range scored {
			dst = append(dst, s.Item)
		}
		return dst
	}
}
