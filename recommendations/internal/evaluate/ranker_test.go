package evaluate_test

import (
	"runtime"
	"testing"

	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/evaluate"
)

// dataset returns the training part of a split, as the service passes it to the
// engine.
func dataset(tb testing.TB, s evaluate.Split) engine.Dataset {
	tb.Helper()
	d := engine.Dataset{Items: s.Items, Authors: authors(tb)}
	for _, rated := range s.TrainRated {
		items, strengths := opinions(rated)
		d.Readers, d.Strengths = append(d.Readers, items), append(d.Strengths, strengths)
	}
	return d
}

func opinions(rated []evaluate.Rated) ([]int32, []engine.Strength) {
	items, strengths := make([]int32, len(rated)), make([]engine.Strength, len(rated))
	for k, r := range rated {
		items[k], strengths[k] = r.Item, engine.DefaultStrengths().Of(int(r.Stars))
	}
	return items, strengths
}

// newRanker trains the engine on a split, as the service does.
func newRanker(tb testing.TB, s evaluate.Split, prior engine.Prior, categories [][]int) *engine.Ranker {
	tb.Helper()
	model, err := engine.Train(tb.Context(), dataset(tb, s), engine.DefaultParams(), runtime.GOMAXPROCS(0))
	if err != nil {
		tb.Fatal(err)
	}
	r, err := engine.NewRanker(engine.Config{Model: model, Categories: categories, Prior: prior})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// ranking adapts a ranker to be measured.
func ranking(r *engine.Ranker) evaluate.CaseRanker {
	return rankerIn(r, engine.AnyCategory)
}

func rankerIn(r *engine.Ranker, category int) evaluate.CaseRanker {
	var scored []engine.Scored
	return func(dst []int32, c evaluate.Case, k int) []int32 {
		items, strengths := opinions(c.Rated)
		scored = r.Rank(scored[:0], engine.Query{
			History: items, Strengths: strengths, Exclude: c.Hidden, Category: category, K: k,
		})
		for _, s := range scored {
			dst = append(dst, s.Item)
		}
		return dst
	}
}
