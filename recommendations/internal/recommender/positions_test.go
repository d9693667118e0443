package recommender

import (
	"math"
	"testing"

	"bookstall/recommendations/internal/domain"
)

func TestPositions(t *testing.T) {
	for _, ids := range [][]int64{
		nil, {1}, {1, 2, 3}, {2, 5, 7}, {7, 5, 2}, {3, 11}, {1, 1 << 40}, {math.MaxInt64}, {-1, 1},
	} {
		var books []domain.Book
		for _, id := range ids {
			books = append(books, domain.Book{ID: id})
		}
		p := newPositions(books)
		for i, id := range ids {
			if at, ok := p.of(id); !ok || int(at) != i {
				t.Errorf("%v: %d is at %d, %v", ids, id, at, ok)
			}
		}
		for _, id := range []int64{0, 4, 8, 12, 1<<40 + 1, math.MaxInt64 - 1, math.MinInt64, -2} {
			if at, ok := p.of(id); ok {
				t.Errorf("%v: %d is at %d", ids, id, at)
			}
		}
	}
}
