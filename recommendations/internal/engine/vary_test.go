package engine_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bookstall/recommendations/internal/engine"
)

// rankVaried follows the rules of a Variety by construction, over the whole ranking.
func (o oracle) rankVaried(q engine.Query, v engine.Variety) []engine.Scored {
	k := q.K
	q.K = o.Model.Items()
	rest := o.rank(q)
	k = min(k, o.available(q.Category))
	authors, main := o.Authors, make([]int, o.Model.Items())
	for i := range main {
		main[i] = -1
		if o.Categories != nil && len(o.Categories[i]) > 0 {
			main[i] = o.Categories[i][0]
		}
	}
	has := map[int32]bool{}
	for n, i := range q.History {
		if i >= 0 && int(i) < len(main) && (n >= len(q.Strengths) || q.Strengths[n] > 0) {
			has[i] = true
		}
	}
	for _, i := range q.Exclude {
		if i >= 0 && int(i) < len(main) {
			has[i] = true
		}
	}
	hasOf := map[int]int{}
	hasAuthor, shown := map[int32]bool{}, map[int32]int{}
	for i := range has {
		hasOf[main[i]]++
		hasAuthor[authors[i]] = true
	}
	outside := func(i int32) bool {
		return (authors[i] < 0 || !hasAuthor[authors[i]]) && (main[i] < 0 || 10*hasOf[main[i]] < len(has))
	}
	dozen := min(k, engine.Dozen)
	var list []engine.Scored
	for place := range k {
		allowed := func(i int32) bool {
			return v.PerAuthor == 0 || authors[i] < 0 || shown[authors[i]] < v.PerAuthor*(1+place/engine.Dozen)
		}
		find := func(fits func(int32) bool) int {
			return slices.IndexFunc(rest, func(s engine.Scored) bool { return fits(s.Item) })
		}
		at := -1
		n := min(v.Outside, dozen)
		if place < dozen && len(has) > 0 && (place+1)*n/dozen > place*n/dozen {
			at = find(func(i int32) bool { return outside(i) && allowed(i) })
		}
		hasNew := slices.ContainsFunc(list, func(s engine.Scored) bool { return slices.Contains(v.New, s.Item) })
		if at < 0 && !hasNew && place == dozen-2 {
			at = find(func(i int32) bool { return slices.Contains(v.New, i) && allowed(i) })
		}
		if at < 0 {
			at = find(allowed)
		}
		if at < 0 {
			at = find(func(int32) bool { return true })
		}
		if at < 0 {
			break
		}
		if a := authors[rest[at].Item]; a >= 0 {
			shown[a]++
		}
		list = append(list, rest[at])
		rest = slices.Delete(rest, at, at+1)
	}
	return list
}

// available returns how many items a category has.
func (o oracle) available(category int) int {
	n := 0
	for i := range o.Model.Items() {
		if category == engine.AnyCategory || o.Categories != nil && slices.Contains(o.Categories[i], category) {
			n++
		}
	}
	return n
}

func withAuthors(rng *rand.Rand, c engine.Config) engine.Config {
	for range c.Model.Items() {
		c.Authors = append(c.Authors, int32(rng.IntN(1+rng.IntN(c.Model.Items()))-rng.IntN(2)))
	}
	return c
}

func TestRankVariedIsExact(t *testing.T) {
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 3))
		c := withAuthors(rng, randomConfig(rng))
		r := newRanker(t, c)
		for range 4 { // later queries find anything the first did not reset
			q := randomQuery(rng, c.Model.Items())
			v := engine.Variety{PerAuthor: rng.IntN(4), Outside: rng.IntN(5)}
			if n := c.Model.Items(); n > 0 && rng.IntN(2) == 0 {
				v.New = []int32{int32(rng.IntN(n))} // of several, the score does not decide alone
			}
			got, want := r.RankVaried(nil, q, v), oracle{c}.rankVaried(q, v)
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("seed %d, query %+v, %+v (-want +got):\n%s", seed, q, v, diff)
			}
			if diff := cmp.Diff(oracle{c}.rank(q), r.RankVaried(nil, q, engine.Variety{}), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("seed %d, query %+v, no variety (-want +got):\n%s", seed, q, diff)
			}
		}
	}
}

// A prolific author, whose books are all before those of others, has two in a dozen; the others
// are found however far down they are.
func TestOneAuthorDoesNotFillTheShelf(t *testing.T) {
	const items, prolific = 2000, 1900
	c := engine.Config{
		Model: engine.Model{RowStart: make([]int32, items+1), Counts: make([]int32, items)}, Prior: engine.DefaultPrior(),
		Authors: make([]int32, items),
	}
	for i := range items {
		c.Model.Counts[i] = int32(items - i)
		c.Authors[i] = int32(max(0, i-prolific+1))
	}
	r := newRanker(t, c)
	of := func(k int) (items []int32) {
		for _, s := range r.RankVaried(nil, engine.Query{Category: engine.AnyCategory, K: k}, engine.Variety{PerAuthor: 2}) {
			items = append(items, s.Item)
		}
		return items
	}
	want := []int32{0, 1, 1900, 1901, 1902, 1903, 1904, 1905, 1906, 1907, 1908, 1909, 2, 3, 1910}
	if diff := cmp.Diff(want, of(15)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := len(of(items)); n != items {
		t.Errorf("%d books, want all %d", n, items)
	}
}

// Of new books, for whom no reader speaks, the one of the reader's category is shown.
func TestANewBookOfTheReadersCategory(t *testing.T) {
	const items = 20
	c := engine.Config{
		Model: engine.Model{RowStart: make([]int32, items+1), Counts: make([]int32, items)}, Prior: engine.DefaultPrior(),
		Categories: make([][]int, items),
	}
	for i := range items {
		c.Model.Counts[i] = int32(items - i)
		c.Categories[i] = []int{i % 4}
	}
	got := newRanker(t, c).RankVaried(nil, engine.Query{History: []int32{2, 6}, Category: engine.AnyCategory, K: 12}, engine.Variety{New: []int32{17, 16, 18, 19}})
	if got[10].Item != 18 {
		t.Errorf("the new book is %d, want 18: %+v", got[10].Item, got)
	}
}
