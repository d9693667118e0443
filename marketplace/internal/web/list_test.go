package web

import (
	"strings"
	"testing"

	"bookstall/marketplace/internal/recommend"
)

func TestAllBooks(t *testing.T) {
	s := newTestShop(t, manyBooks())
	first := s.get("/books").want(t, 200, "67 books", "page 1 of 3", `href="/books?page=2" rel="next"`, "The Hobbit").without(t, `rel="prev"`)
	if n := strings.Count(first.body, `class="card"`); n != 24 {
		t.Errorf("%d books on the first page, want %d", n, 24)
	}
	s.get("/books?page=2").want(t, 200, `href="/books" rel="prev"`, `href="/books?page=3" rel="next"`).without(t, "The Hobbit")
	last := s.get("/books?page=3").want(t, 200, "page 3 of 3").without(t, `rel="next"`)
	if n := strings.Count(last.body, `class="card"`); n != 67-2*24 {
		t.Errorf("%d books on the last page", n)
	}
}

// For a page number out of range, the nearest page is shown.
func TestAllBooksForgives(t *testing.T) {
	s := newTestShop(t, manyBooks())
	for page, want := range map[string]string{
		"0": "page 1 of 3", "-1": "page 1 of 3", "x": "page 1 of 3", "": "page 1 of 3", "1e3": "page 1 of 3",
		"4": "page 3 of 3", "99999999999999999999999999": "page 3 of 3", "-99999999999999999999999": "page 1 of 3",
		"9223372036854775807": "page 3 of 3", "%ff": "page 1 of 3", "2&page=3": "page 2 of 3",
	} {
		s.get("/books?page="+page).want(t, 200, want)
	}
}

func TestCategory(t *testing.T) {
	s := newTestShop(t, manyBooks())
	// The list begins with popular books, so they get no shelf of their own.
	s.get("/categories/classics").want(t, 200, "<h1>Classics</h1>", "4 books", "Jane Eyre").without(t, "Dune", "Saga", "For you", away)
	if _, category, most := s.recommender.asked(); category != "classics" || most != 6 {
		t.Errorf("asked for category %q, %d books", category, most)
	}
	s.get("/categories/history?page=2").want(t, 200, "page 2 of 3", `href="/categories/history"`).without(t, "For you")
	s.get("/categories/nothing").want(t, 404, "This page is not on our shelves", "There is no such category.")
	s.recommender.source = recommend.Personal
	s.get("/categories/classics").want(t, 200, "For you in Classics", "Because you like").without(t, away)
	s.recommender.source = recommend.Fallback
	s.get("/categories/classics").want(t, 200, away).without(t, "For you")
}

// Lists are checked for a new catalogue as soon as shelves are.
func TestListsAskForTheCatalogue(t *testing.T) {
	asked := 0
	s := newTestShop(t, fewBooks(), func(c *Config) { c.Refresh = func() { asked++ } })
	for i, path := range []string{"/books", "/categories/classics", "/search?q=a", "/api/v1/books"} {
		if s.get(path).want(t, 200); asked != i+1 {
			t.Errorf("%s: asked %d times, want %d", path, asked, i+1)
		}
	}
}
