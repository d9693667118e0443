package engine_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bookstall/recommendations/internal/engine"
)

func newRanker(tb testing.TB, c engine.Config) *engine.Ranker {
	tb.Helper()
	r, err := engine.NewRanker(c)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// The oracle follows every rule of a ranking by construction: no book that the
// reader has or of another category, no repeats, as many as there are up to K,
// ordered by score and then by index, with the right reason.
func TestRankIsExact(t *testing.T) {
	for seed := range uint64(1000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		c := randomConfig(rng)
		r := newRanker(t, c)
		for range 4 { // later queries find anything the first did not reset
			q := randomQuery(rng, c.Model.Items())
			got, want := r.Rank(nil, q), oracle{c}.rank(q)
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("seed %d, query %+v (-want +got):\n%s", seed, q, diff)
			}
		}
	}
}

func TestSimilarIsExact(t *testing.T) {
	for seed := range uint64(1000) {
		rng := rand.New(rand.NewPCG(seed, 2))
		c := randomConfig(rng)
		r := newRanker(t, c)
		for range 4 {
			item, k := int32(rng.IntN(c.Model.Items()+4)-2), rng.IntN(c.Model.Items()+4)-1
			got, want := r.Similar(nil, item, k), oracle{c}.similar(item, k)
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("seed %d, item %d, k %d (-want +got):\n%s", seed, item, k, diff)
			}
		}
	}
}

// Of a tie with the worst book of a full list, the lower index wins, even if the
// higher one was found first and both have the highest popularity.
func TestTieWithTheWorst(t *testing.T) {
	r := newRanker(t, engine.Config{
		Model: engine.Model{ // item 2 adds to the score of item 1, item 3 to that of item 0
			RowStart: []int32{0, 0, 0, 1, 2},
			Targets:  []int32{1, 0},
			Weights:  []float32{0.5, 0.5},
			Counts:   []int32{7, 7, 7, 7},
		},
		Prior: engine.DefaultPrior(),
	})
	got := r.Rank(nil, engine.Query{History: []int32{2, 3}, Category: engine.AnyCategory, K: 1})
	want := []engine.Scored{{Item: 0, Because: 3, Score: 0.5 + 0.13}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOrderOfHistoryHasNoEffect(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	model, err := engine.Train(t.Context(), clusters(2000, 300, 20, 1), engine.DefaultParams(), 2)
	if err != nil {
		t.Fatal(err)
	}
	for k, w := range model.Weights {
		if steps := float64(w) * (1 << 30); steps != math.Trunc(steps) {
			t.Fatalf("weight %d is %v, want a multiple of 2^-30, so that sums do not depend on their order", k, w)
		}
	}
	r := newRanker(t, engine.Config{Model: model, Prior: engine.DefaultPrior()})
	q := engine.Query{
		History:   []int32{4, 250, 3, 90, 17, 222, 8, 41, 5},
		Strengths: []engine.Strength{16, 3, 16, 13, 1, 7, 16, 5, 13}, Category: engine.AnyCategory, K: 300,
	}
	want := r.Rank(nil, q)
	for range 20 {
		rng.Shuffle(len(q.History), func(a, b int) {
			q.History[a], q.History[b] = q.History[b], q.History[a]
			q.Strengths[a], q.Strengths[b] = q.Strengths[b], q.Strengths[a]
		})
		if diff := cmp.Diff(want, r.Rank(nil, q)); diff != "" {
			t.Fatalf("history %v (-want +got):\n%s", q.History, diff)
		}
	}
}

func TestAnswersAreAppended(t *testing.T) {
	shop := newSmallShop(t)
	r := shop.ranker(t)
	sentinel := engine.Scored{Item: 99, Because: 98, Score: -1}
	dst := []engine.Scored{sentinel}
	dst = r.Rank(dst, engine.Query{History: []int32{0}, Category: engine.AnyCategory, K: 3})
	dst = r.Similar(dst, 0, 2)
	want := slices.Concat(
		[]engine.Scored{sentinel},
		r.Rank(nil, engine.Query{History: []int32{0}, Category: engine.AnyCategory, K: 3}),
		r.Similar(nil, 0, 2),
	)
	if diff := cmp.Diff(want, dst); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestHugeKReturnsTheCatalogue(t *testing.T) {
	shop := newSmallShop(t)
	r := shop.ranker(t)
	const huge = int(^uint(0) >> 1)
	if got := len(r.Rank(nil, engine.Query{Category: engine.AnyCategory, K: huge})); got != len(shop.titles) {
		t.Errorf("Rank returned %d books, want all %d", got, len(shop.titles))
	}
	if got := len(r.Similar(nil, 0, huge)); got != len(shop.titles)-1 {
		t.Errorf("Similar returned %d books, want all but one of %d", got, len(shop.titles))
	}
}

func TestConcurrentUse(t *testing.T) {
	shop := newSmallShop(t)
	r := shop.ranker(t)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(g), 3))
			for range 300 {
				q := randomQuery(rng, len(shop.titles))
				first, second := r.Rank(nil, q), r.Rank(nil, q)
				if !slices.Equal(first, second) {
					t.Errorf("query %+v: %v, then %v", q, first, second)
				}
				r.Similar(nil, int32(rng.IntN(len(shop.titles))), 5)
			}
		})
	}
	wg.Wait()
}

func TestNewRankerRefuses(t *testing.T) {
	good := func() engine.Config {
		return engine.Config{
			Model: engine.Model{RowStart: []int32{0, 1, 1}, Targets: []int32{1}, Weights: []float32{1}, Counts: []int32{3, 4}},
			Prior: engine.DefaultPrior(),
		}
	}
	newRanker(t, good())
	tests := []struct {
		name  string
		spoil func(*engine.Config)
		want  string
	}{
		{"zero model", func(c *engine.Config) { c.Model = engine.Model{} }, "row starts"},
		{"zero prior", func(c *engine.Config) { c.Prior = engine.Prior{} }, "prior cap"},
		{"short popularity", func(c *engine.Config) { c.Popularity = []int64{1} }, "popularity of 1 items"},
		{"negative popularity", func(c *engine.Config) { c.Popularity = []int64{1, -1} }, "item 1 is -1"},
		{"huge popularity", func(c *engine.Config) { c.Popularity = []int64{1, 1 << 60} }, "want 0 to"},
		{"short categories", func(c *engine.Config) { c.Categories = [][]int{{1}} }, "categories of 1 items"},
		{"negative category", func(c *engine.Config) { c.Categories = [][]int{{}, {-1}} }, "item 1: category is -1"},
		{"huge category", func(c *engine.Config) { c.Categories = [][]int{{1 << 40}, {}} }, "item 0: category"},
	}
	for _, tt := range tests {
		c := good()
		tt.spoil(&c)
		if _, err := engine.NewRanker(c); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}

// A ranker without some items answers as one with all of them, whose other answers are
// taken in order.
func TestWithoutItems(t *testing.T) {
	for seed := range uint64(1000) {
		rng := rand.New(rand.NewPCG(seed, 3))
		c := randomConfig(rng)
		n := c.Model.Items()
		var omitted []int32
		for range rng.IntN(n + 2) {
			omitted = append(omitted, int32(rng.IntN(n+2)-1))
		}
		r := newRanker(t, c)
		rest := r.Without(omitted)
		kept := func(all []engine.Scored, k int) []engine.Scored {
			all = slices.DeleteFunc(all, func(s engine.Scored) bool { return slices.Contains(omitted, s.Item) })
			return first(all, k)
		}
		for range 4 {
			q := randomQuery(rng, n)
			whole := q
			whole.K = n
			if diff := cmp.Diff(kept(oracle{c}.rank(whole), q.K), rest.Rank(nil, q), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("seed %d, query %+v without %v (-want +got):\n%s", seed, q, omitted, diff)
			}
			item, k := int32(rng.IntN(n+1)), rng.IntN(n+1)
			if diff := cmp.Diff(kept(oracle{c}.similar(item, n), k), rest.Similar(nil, item, k), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("seed %d, item %d, k %d without %v (-want +got):\n%s", seed, item, k, omitted, diff)
			}
			if diff := cmp.Diff(oracle{c}.rank(q), r.Rank(nil, q), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("seed %d: the ranker of all items has changed:\n%s", seed, diff)
			}
		}
	}
}

// The first reason is that of the ranking, the others are further liked books with weights for
// the item, and a ranking without a reason has none.
func TestReasons(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 7))
		c := randomConfig(rng)
		r := newRanker(t, c)
		q := randomQuery(rng, c.Model.Items())
		q.K = c.Model.Items()
		for _, scored := range r.Rank(nil, q) {
			reasons := r.Reasons(q, scored.Item, 3)
			first := int32(engine.NoReason)
			if len(reasons) > 0 {
				first = reasons[0]
			}
			if first != scored.Because {
				t.Fatalf("seed %d: item %d has the reasons %v, in the ranking %d", seed, scored.Item, reasons, scored.Because)
			}
			if len(reasons) > 3 || len(slices.Compact(slices.Sorted(slices.Values(reasons)))) != len(reasons) {
				t.Fatalf("seed %d: reasons %v", seed, reasons)
			}
			for _, reason := range reasons {
				if !slices.Contains(q.History, reason) {
					t.Fatalf("seed %d: the reason %d is not in the history %v", seed, reason, q.History)
				}
			}
		}
		if diff := cmp.Diff(oracle{c}.rank(q), r.Rank(nil, q), cmpopts.EquateEmpty()); diff != "" { // all is reset
			t.Fatalf("seed %d (-want +got):\n%s", seed, diff)
		}
		if got := r.Reasons(q, int32(c.Model.Items()), 3); got != nil {
			t.Fatalf("reasons %v of no item", got)
		}
	}
}
