package server

import (
	"cmp"
	"slices"
	"sync/atomic"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/recommender"
)

// bestsellers is how many of the most liked books count as bestsellers, but never more than a
// tenth of the catalogue.
const bestsellers = 100

// shown counts which books of the present catalogue were on a shelf. It is safe for
// concurrent use.
type shown struct{ of atomic.Pointer[shownBooks] }

// shownBooks are the books of one version of the catalogue, and which of them were on a shelf.
type shownBooks struct {
	version string
	books   int
	limit   int64 // least popularity of a bestseller

	seen  []atomic.Bool // by position in the catalogue
	count atomic.Int64
}

// add counts the books of a shelf, and returns how many of them are bestsellers. The
// catalogue is that of the shelf, or the next one, which has none of them on a shelf yet.
func (s *shown) add(shelf recommender.Shelf, catalog domain.Catalog) (best int) {
	now := s.of.Load()
	if now == nil || now.version != catalog.Version {
		next := newShownBooks(catalog)
		if !s.of.CompareAndSwap(now, next) {
			next = s.of.Load() // that of a call at the same time
		}
		now = next
	}
	same := shelf.CatalogVersion == now.version
	for _, item := range shelf.Items {
		if i := item.Index; same && !now.seen[i].Load() && now.seen[i].CompareAndSwap(false, true) {
			now.count.Add(1)
		}
		if item.Book.Popularity >= now.limit {
			best++
		}
	}
	return best
}

func newShownBooks(catalog domain.Catalog) *shownBooks {
	n := len(catalog.Books)
	s := &shownBooks{version: catalog.Version, books: n, seen: make([]atomic.Bool, n)}
	liked := make([]int64, n)
	for i, b := range catalog.Books {
		liked[i] = b.Popularity
	}
	slices.SortFunc(liked, func(a, b int64) int { return cmp.Compare(b, a) })
	if last := min(bestsellers, max(1, len(liked)/10)); last <= len(liked) {
		s.limit = max(1, liked[last-1])
	}
	return s
}

// coverage returns the share of the books that were on a shelf.
func (s *shown) coverage() float64 {
	now := s.of.Load()
	if now == nil || now.books == 0 {
		return 0
	}
	return float64(now.count.Load()) / float64(now.books)
}
