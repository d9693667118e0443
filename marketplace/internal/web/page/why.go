package page

import (
	"errors"
	"net/http"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/web/problem"
)

type whyPage struct {
	layout
	Book    catalog.Book
	Reasons []reasonBook
	Undo    *dismissal // nil unless a book was dismissed last
	Back    string     // address to return to, as browsers ask for it
	Acts    bool       // whether the visitor can stop using a book
}

// reasonBook is a book of the visitor's that puts another on the shelf.
type reasonBook struct {
	Book catalog.Book
	Did  string // what the visitor did with it; "" if that is not known
}

// Why is GET /books/{id}/why: the visitor's own books that put a book on the shelf.
func (p *Pages) Why(w http.ResponseWriter, r *http.Request, v Visitor) error {
	b, err := p.bookOf(r)
	if err != nil {
		return err
	}
	here := r.URL.RequestURI()
	wait := p.askOwnBooks(r.Context(), v, here)
	reasons, err := p.cfg.Recommender.Why(r.Context(), b.ID, v.shelfQuery("", 0))
	v, own := p.waitOwnBooks(w, v, wait)
	if err != nil && !errors.Is(err, recommend.ErrForgotten) {
		return problem.Unavailable(problem.ErrNoHistory, err)
	}
	page := whyPage{
		layout: p.layout("Why "+b.Title+"?", here, v, own), Book: b, Undo: p.undo(own, "why"), Back: own.here + "#why",
		Acts: own.canInteract && own.known,
	}
	for _, reason := range reasons {
		if found, err := p.cfg.Catalog.Book(reason.BookID); err == nil {
			page.Reasons = append(page.Reasons, reasonBook{found, did(own.byBook[found.ID], p.links.numerals)})
		}
	}
	return show(w, why(&page))
}

// did says what the visitor did with a book.
func did(e recommend.Entry, n *numerals) string {
	switch {
	case e.Rating > 0:
		return "You gave it " + n.things(e.Rating, "star") + " of 5."
	case e.Liked:
		return "You like it."
	case e.Purchased:
		return "You bought it."
	}
	return ""
}
