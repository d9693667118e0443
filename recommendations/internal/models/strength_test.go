package models

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/engine"
)

// TestStrength: the engine counts a book as liked if and only if Entry.Positive does.
func TestStrength(t *testing.T) {
	for stars := range 6 {
		for _, e := range []domain.Entry{
			{Stars: stars}, {Stars: stars, Liked: true}, {Stars: stars, Purchased: true}, {Stars: stars, Own: true},
			{Stars: stars, Wanted: true, Own: true}, {Stars: stars, Dismissed: true, Own: true},
		} {
			if got := Strength(e); (got >= engine.Liked) != e.Positive() || got > engine.Full {
				t.Errorf("%+v has the strength %d", e, got)
			}
		}
	}
	if Strength(domain.Entry{Stars: 3}) == 0 {
		t.Error("3 stars count nothing")
	}
	if Strength(domain.Entry{Stars: 1, Liked: true}) != engine.Full {
		t.Error("a like counts less than full")
	}
}

func TestAuthors(t *testing.T) {
	got := Authors([]domain.Book{{Author: "A"}, {Author: "B"}, {}, {Author: "A"}, {}})
	if diff := cmp.Diff([]int32{0, 1, -1, 0, -1}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
