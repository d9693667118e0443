package web

import (
	"errors"
	"strings"
	"testing"

	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/signed"
)

const away = "Personal recommendations are away for a moment. Here are our bestsellers."

func TestFront(t *testing.T) {
	s := newTestShop(t, fewBooks())
	page := s.get("/").want(t, 200, "For you", "Popular with readers", "Browse by category", "Synthetic reader 9: romance").without(t, away)
	golden(t, "front", page.body)
	if id, category, most := s.recommender.asked(); id < signed.FirstVisitor || id > signed.LastVisitor || category != "" || most != 13 {
		t.Errorf("asked for reader %d, category %q, %d books", id, category, most)
	}
}

func TestFrontPersonal(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.recommender.source = recommend.Personal
	page := s.get("/").want(t, 200, "Because you like The Hobbit", `<span class="rank" aria-hidden="true">1</span>`)
	golden(t, "front-personal", page.body)
}

// The page says that recommendations are away, without technical words.
func TestFrontFallback(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.recommender.source = recommend.Fallback
	page := s.get("/").want(t, 200, away, "The Hobbit", "<h1 id=\"for-you\">Bestsellers</h1>").without(t, "For you<", "Popular with readers")
	for _, word := range []string{"replica", "timeout", "deadline", "gRPC", "unavailable", "service", "server"} {
		if strings.Contains(strings.ToLower(page.body), strings.ToLower(word)) {
			t.Errorf("the page has the word %q", word)
		}
	}
}

// An error of the recommender is logged once and not shown to readers.
func TestRecommenderError(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.own()
	s.recommender.historyErr = errors.New("dial tcp 10.1.2.3:50051: secret")
	s.get("/your-books", "X-Request-ID", "books-error-1").want(t, 500, "Sorry, that went wrong", "books-error-1").without(t, "10.1.2.3", "secret", "history")
	if lines := s.log.with("secret"); len(lines) != 1 || !strings.Contains(lines[0], `"requestID":"books-error-1"`) {
		t.Errorf("log lines of the error: %q", lines)
	}
}

// A book that only the recommender has is left out.
func TestFrontCatalogueIsOlder(t *testing.T) {
	s := newTestShop(t, fewBooks())
	newer := newTestShop(t, manyBooks())
	s.recommender.books = newer.recommender.books
	s.get("/").want(t, 200, "The Hobbit").without(t, "Saga volume")
}
