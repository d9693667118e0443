package engine

import (
	"fmt"
	"slices"
	"sync"
)

const (
	// AnyCategory in a [Query] stands for all categories.
	AnyCategory = -1
	// maxCategory limits the number of tables of a ranker, one per category.
	maxCategory = 4095
	// maxPopularity ensures that different popularities are still different after
	// rounding; see minPrior.
	maxPopularity = 1 << 48
)

// Config configures a [Ranker], which copies all of it.
type Config struct {
	Model Model
	// Categories holds the categories of each item, 0 to 4095, the main one
	// first. Nil means that no item has any.
	Categories [][]int
	// Popularity holds the popularity of each item, 0 to 2^48, in any unit. The
	// prior and the order of bestsellers follow from it. Nil means Model.Counts.
	Popularity []int64
	// Authors holds a number for the author of each item, from 0, negative for an
	// unknown one. Nil means that none is known. Only a [Variety] needs them.
	Authors []int32
	Prior   Prior
}

// Ranker ranks books for readers. It is immutable and safe for concurrent use.
type Ranker struct {
	rows    sparse // row i: what item i adds to the scores of others
	columns sparse // its transpose
	prior   Prior

	share        []float64 // popularity / highest popularity, 0 to 1
	everything   shelf
	shelves      []shelf // shelf of each category
	mainCategory []int32 // main category of each item; -1 for none
	authors      []int32 // author of each item; negative for none
	authorCount  int     // one more than the highest of them

	scratch *sync.Pool // holds *scratch
}

// shelf holds the items of one category, or all items.
type shelf struct {
	bestsellers []int32  // items, most popular first; ties go to the lower index
	member      []uint64 // one bit per item; nil if all are members
}

func (s *shelf) has(item int32) bool {
	return s.member == nil || s.member[item>>6]&(1<<(item&63)) != 0
}

// NewRanker returns a ranker. Errors: the model or the prior is invalid, popularity,
// categories or authors do not have one element per item, or one of them is out of range.
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
	r.scratch = &sync.Pool{New: func() any { return newScratch(n) }}
	if err := r.fillAuthors(c.Authors); err != nil {
		return nil, err
	}
	if err := r.fillShelves(c.Categories); err != nil {
		return nil, err
	}
	return r, nil
}

// Without returns a ranker of the same model that never answers with the given items.
// They still count in histories, and have similar books. Items out of range are ignored.
func (r *Ranker) Without(items []int32) *Ranker {
	if len(items) == 0 {
		return r
	}
	omit := make([]uint64, (r.Items()+63)/64)
	for _, i := range items {
		if i >= 0 && int(i) < r.Items() {
			omit[i>>6] |= 1 << (i & 63)
		}
	}
	other := *r
	other.everything = r.everything.without(omit)
	other.shelves = make([]shelf, len(r.shelves))
	for c := range r.shelves {
		other.shelves[c] = r.shelves[c].without(omit)
	}
	return &other
}

// without returns the shelf without the items of a set.
func (s *shelf) without(omit []uint64) shelf {
	var rest shelf
	rest.member = make([]uint64, len(omit))
	for _, i := range s.bestsellers {
		if omit[i>>6]&(1<<(i&63)) == 0 {
			rest.bestsellers = append(rest.bestsellers, i)
			rest.member[i>>6] |= 1 << (i & 63)
		}
	}
	return rest
}

// Items returns the number of items of the model.
func (r *Ranker) Items() int { return len(r.share) }

// shares scales popularity to 0 to 1.
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

func (r *Ranker) fillAuthors(authors []int32) error {
	n := r.Items()
	if authors != nil && len(authors) != n {
		return fmt.Errorf("authors of %d items, want %d as in the model", len(authors), n)
	}
	r.authors = make([]int32, n)
	for i := range r.authors {
		r.authors[i] = -1
		if authors != nil {
			r.authors[i] = authors[i]
		}
		if int(r.authors[i]) >= n {
			return fmt.Errorf("author of item %d is %d, want below the number of items", i, r.authors[i])
		}
		r.authorCount = max(r.authorCount, int(r.authors[i])+1)
	}
	return nil
}

// fillShelves sorts the items of each category by popularity, so that queries need
// not.
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

// shelve appends an item to the list of a category, unless it is there already.
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

// shelfOf returns the items of a category, or nil for a category that no item has.
func (r *Ranker) shelfOf(category int) *shelf {
	switch {
	case category == AnyCategory:
		return &r.everything
	case category < 0 || category >= len(r.shelves):
		return nil
	}
	return &r.shelves[category]
}
