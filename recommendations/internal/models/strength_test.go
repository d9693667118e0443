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
	tests := []struct {
		names []string
		want  []int32
	}{
		{[]string{"A", "B", "", "A", ""}, []int32{0, 1, -1, 0, -1}},
		{[]string{"J. R. R. Tolkien", "J.R.R. Tolkien", "JRR TOLKIEN", "Simon Tolkien"}, []int32{0, 0, 0, 1}},
		{[]string{"Gabriel García Márquez", "Gabriel Garcia Marquez", "Gabriel Garci\u0301a Ma\u0301rquez"}, []int32{0, 0, 0}},
		{[]string{"村上春樹", "村上龍", "???", "!!!", "???"}, []int32{0, 1, 2, 3, 2}},
	}
	for _, test := range tests {
		var books []domain.Book
		for _, name := range test.names {
			books = append(books, domain.Book{Author: name})
		}
		if diff := cmp.Diff(test.want, Authors(books)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.names, diff)
		}
	}
}
