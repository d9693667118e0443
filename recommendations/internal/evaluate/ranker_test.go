package evaluate_test

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/evaluate"
)

// dataset returns the training part of a split, as the service passes it to the
// engine.
func (g published) dataset(s evaluate.Split) engine.Dataset {
	d := engine.Dataset{Items: s.Items, Authors: g.authors}
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

// trainedRanker returns the engine, configured as in the service and trained once on
// the readers who are not held out.
func trainedRanker(tb testing.TB) *engine.Ranker {
	tb.Helper()
	r, err := trainGoodbooks()
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

var trainGoodbooks = sync.OnceValues(func() (*engine.Ranker, error) {
	g, err := readGoodbooks()
	if err != nil {
		return nil, err
	}
	model, err := engine.Train(context.Background(), g.dataset(g.split()), engine.DefaultParams(), runtime.GOMAXPROCS(0))
	if err != nil {
		return nil, err
	}
	return engine.NewRanker(engine.Config{Model: model, Categories: g.categories, Authors: g.authors, Prior: engine.DefaultPrior()})
})

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
