package web

import (
	"strings"
	"testing"

	"bookstall/marketplace/internal/recommend"
)

// A reader asks why a book is on the shelf, and has the shelf do without one of the reasons.
func TestWhyThisBook(t *testing.T) {
	s := newTestShop(t, fewBooks())
	own := s.own()
	s.recommender.set(func(f *fakeRecommender) { f.source = recommend.Personal })
	s.get("/").want(t, 200, "Because you like The Hobbit", `href="/books/5/why"`, `Why?<span class="unseen"> <bdi lang="">Dune</bdi></span>`)
	s.act("1", "rating-5")
	s.act("2", "purchase")
	s.act("3", "like")
	page := s.get("/books/5/why").want(t, 200, "Why this book?", "You gave it 5 stars of 5.", "You bought it.", "You like it.", `value="dismiss"`, `value="/books/5/why#why"`)
	if n := strings.Count(page.body, "Stop using this one"); n != 3 {
		t.Errorf("%d reasons can be stopped, want 3", n)
	}
	s.act("2", "dismiss")
	s.get("/books/5/why").want(t, 200, "You gave it 5 stars of 5.", "is not for you", `value="undismiss"`).without(t, "You bought it.")
	if got := entriesOf(s.recommender.history(own))[2]; got != (recommend.Entry{BookID: 2, Purchased: true, Dismissed: true}) {
		t.Errorf("the book that is not used: %+v", got)
	}
	s.get("/your-books").want(t, 200, "2 books that you liked, rated or bought", "Not for you")
	s.act("2", "undismiss")
	s.get("/books/5/why").want(t, 200, "You bought it.")
}

func TestWhyWithoutReasons(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.get("/").want(t, 200, "Popular with readers").without(t, "/why")
	s.get("/books/5/why").want(t, 200, "None of your books speaks for").without(t, "Stop using")
	s.get("/books/99/why").want(t, 404)
	s.own()
	s.act("1", "like")
	s.switchTo("7", "/") // whose books are not the visitor's to change
	s.recommender.set(func(f *fakeRecommender) { f.histories[7] = []recommend.Entry{{BookID: 1, Rating: 5}} })
	s.get("/books/5/why").want(t, 200, "The Hobbit").without(t, "Stop using")
	s.recommender.set(func(f *fakeRecommender) { f.storeErr = recommend.ErrUnavailable })
	s.get("/books/5/why").want(t, 503, "Your books are away for a moment")
}
