package recommender

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/engine"
)

// Variety says how far a shelf goes from what its reader knows.
type Variety struct {
	Step Step
	// NewSince is when the oldest of the new books came, of which the shelf shows one; zero for none.
	NewSince time.Time
}

// Step is a step of the control of variety.
type Step int

// The steps.
const (
	ByScore  Step = iota // no variety: the order of the model
	Close                // more like what the reader knows
	Balanced             // some of both
	Far                  // further afield
)

// Rules returns what a step asks of each dozen books. docs/recommender.md has what they cost.
func (s Step) Rules() engine.Variety {
	switch s {
	case Close:
		return engine.Variety{PerAuthor: 2, Outside: 1}
	case Balanced:
		return engine.Variety{PerAuthor: 2, Outside: 2}
	case Far:
		return engine.Variety{PerAuthor: 1, Outside: 4}
	default:
		return engine.Variety{}
	}
}

// mostNew bounds how many new books compete for a place: all books of a shop can be new.
const mostNew = 500

// rules returns what the engine must do. A shelf of one category has no books from outside.
func (s *state) rules(v Variety, category int) engine.Variety {
	rules := v.Step.Rules()
	if category != engine.AnyCategory {
		rules.Outside = 0
	}
	if v.Step != ByScore && !v.NewSince.IsZero() {
		n := sort.Search(len(s.added), func(k int) bool { return s.catalog.Books[s.added[k]].Added.Before(v.NewSince) })
		rules.New = s.added[:min(n, mostNew)]
	}
	return rules
}

// byAdded returns the books of which it is known when they came, the latest first.
func byAdded(books []domain.Book) []int32 {
	var list []int32
	for i := range books {
		if !books[i].Added.IsZero() {
			list = append(list, int32(i))
		}
	}
	slices.SortFunc(list, func(a, b int32) int {
		return cmp.Or(books[b].Added.Compare(books[a].Added), cmp.Compare(a, b))
	})
	return list
}
