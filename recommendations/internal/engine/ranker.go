package engine

import (
	"fmt"
	"slices"
	"sync"
)

const (
	// AnyCategory in a [Query] asks for books of all categories.
	AnyCategory = -1
	// maxCategory bounds the tables of a ranker, one for each category.
	maxCategory = 4095
	// maxPopularity keeps popularities apart after rounding; see minPrior.
	maxPopularity = 1 << 48
)

// Config is what a [Ranker] is made from. All of it is copied.
type Config struct {
	Model Model
	// Categories lists the categories, 0 to 4095, of each item, the main one
	// first. Nil means that no item has any.
	Categories [][]int
	// Popularity drives the prior, bestsellers and the filling of lists, in any
	// unit, 0 to 2^48 an item. Nil means the readers counted in training.
	Popularity []int64
	Prior      Prior
}

// Ranker ranks books for readers. It never changes once made, so that any number
// of goroutines may use it.
type Ranker struct {
	rows    sparse // what an item of the history adds to others
	columns sparse // the same the other way round
	prior   Prior

	share        []float64 // popularity / highest popularity, 0 to 1
	everything   shelf
	shelves      []shelf // by category
	mainCategory []int32 // by item, -1 without

	scratch sync.Pool // of *scratch
}

// shelf is the items of one category.
type shelf struct {
	bestsellers []int32  // by popularity, highest first, ties by lower index
	member      []uint64 // one bit for each item; nil when all are members
}

func (s *shelf) has(item int32) bool {
	return s.member == nil || s.member[item>>6]&(1<<(item&63)) != 0
}

// NewRanker checks the configuration and prepares the lists that answers are
// filled from.
func NewRanker(c Config) (*Ranker, error) {
	if err := c.Model.Validate(); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	if err := c.Prior.Validate(); err != nil {
		return nil, err
	}
	n := c.Model.Items()
	share, err := shares(c)
	if err != nil {
		return nil, err
	}
	rows := rowsOf(c.Model)
	r := &Ranker{
		rows: rows, columns: rows.transposed(), prior: c.Prior, share: share,
		mainCategory: make([]int32, n),
	}
	r.scratch.New = func() any { return newScratch(n) }
	if err := r.fillShelves(c.Categories); err != nil {
		return nil, err
	}
	return r, nil
}

// Items is the number of items that the ranker knows.
func (r *Ranker) Items() int { return len(r.share) }

// shares scales popularity to 0 to 1. All zero stays all zero.
func shares(c Config) ([]float64, error) {
	popularity := c.Popularity
	if popularity == nil {
		for _, count := range c.Model.Counts {
			popularity = append(popularity, int64(count))
		}
	}
	if len(popularity) != c.Model.Items() {
		return nil, fmt.Errorf("popularity of %d items, want %d as in the model", len(popularity), c.Model.Items())
	}
	highest := int64(1)
	for i, p := range popularity {
		if p < 0 || p > maxPopularity {
			return nil, fmt.Errorf("popularity of item %d is %d, want 0 to %d", i, p, int64(maxPopularity))
		}
		highest = max(highest, p)
	}
	share := make([]float64, len(popularity))
	for i, p := range popularity {
		share[i] = float64(p) / float64(highest)
	}
	return share, nil
}

// fillShelves sorts the items of each category once, so that no query has to.
func (r *Ranker) fillShelves(categories [][]int) error {
	n := r.Items()
	if categories != nil && len(categories) != n {
		return fmt.Errorf("categories of %d items, want %d as in the model", len(categories), n)
	}
	r.everything.bestsellers = make([]int32, n)
	for i := range n {
		r.everything.bestsellers[i] = int32(i)
		r.mainCategory[i] = -1
	}
	slices.SortStableFunc(r.everything.bestsellers, func(a, b int32) int {
		switch sa, sb := r.share[a], r.share[b]; {
		case sa > sb:
			return -1
		case sa < sb:
			return 1
		}
		return 0
	})
	if categories == nil {
		return nil
	}
	for _, i := range r.everything.bestsellers {
		for k, c := range categories[i] {
			if err := r.shelve(i, c); err != nil {
				return fmt.Errorf("item %d: %w", i, err)
			}
			if k == 0 {
				r.mainCategory[i] = int32(c)
			}
		}
	}
	return nil
}

// shelve puts an item at the end of a category's list; a category that is named
// twice for one item counts once.
func (r *Ranker) shelve(item int32, category int) error {
	if category < 0 || category > maxCategory {
		return fmt.Errorf("category is %d, want 0 to %d", category, maxCategory)
	}
	for len(r.shelves) <= category {
		r.shelves = append(r.shelves, shelf{})
	}
	s := &r.shelves[category]
	if s.member == nil {
		s.member = make([]uint64, (r.Items()+63)/64)
	}
	if !s.has(item) {
		s.member[item>>6] |= 1 << (item & 63)
		s.bestsellers = append(s.bestsellers, item)
	}
	return nil
}

// shelfOf gives the items of a category, nil for a category that no item has.
func (r *Ranker) shelfOf(category int) *shelf {
	switch {
	case category == AnyCategory:
		return &r.everything
	case category < 0 || category >= len(r.shelves):
		return nil
	}
	return &r.shelves[category]
}
