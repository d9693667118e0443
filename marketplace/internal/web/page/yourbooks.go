package page

import (
	"errors"
	"net/http"
	"slices"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/web/problem"
)

const (
	forgottenField = "forgotten"
	sureField      = "sure"

	mostYourBooks = 200 // books shown on the page
)

type yourBooksPage struct {
	layout
	Books     []card // liked, rated or bought
	Wanted    []card
	Dismissed []card
	Total     int
	Forgotten bool // whether the history was deleted just now
	TakenBack bool // whether a file was taken back just now
	Unknown   bool // whether there is nothing to forget, not even a cookie
}

// wholeHistory returns the visitor's own books. Unlike askOwnBooks, it fails without an
// answer. If the reader was forgotten, it returns the visitor that remains.
func (p *Pages) wholeHistory(w http.ResponseWriter, r *http.Request, v Visitor) (Visitor, ownBooks, error) {
	own := ownBooks{here: p.to(YourBooksPath), canInteract: p.canInteract(v)}
	if own.canInteract && !v.unknown() {
		switch history, err := p.cfg.Recommender.History(r.Context(), v.historyQuery(v.version)); {
		case errors.Is(err, recommend.ErrForgotten):
			v = p.forget(w)
		case err != nil:
			return v, own, problem.Unavailable(problem.ErrNoHistory, err)
		default:
			own.fill(history)
		}
	}
	own.known = own.known || v.unknown()
	return v, own, nil
}

// YourBooks is GET /your-books.
func (p *Pages) YourBooks(w http.ResponseWriter, r *http.Request, v Visitor) error {
	if p.cfg.Catalog.ReadOnly() {
		return recommend.ErrReadOnly
	}
	v, own, err := p.wholeHistory(w, r, v)
	if err != nil {
		return err
	}
	used := slices.DeleteFunc(slices.Clone(own.entries), func(e recommend.Entry) bool { return e.Dismissed }) // the others are below
	page := yourBooksPage{
		layout: p.layout("Your books", YourBooksPath, v, own), Total: len(used), Forgotten: r.URL.Query().Has(forgottenField),
		TakenBack: r.URL.Query().Has(takenBack), Unknown: v.unknown(),
	}
	page.Books = p.ownCards(own, used, "", true)
	page.Wanted = p.ownCards(own, own.wanted, "wanted", false)
	page.Dismissed = p.ownCards(own, own.dismissed, "dismissed", false)
	return show(w, yourBooks(&page))
}

// ownCards returns the cards of some of the visitor's books, as own.cardsWith makes them.
func (p *Pages) ownCards(own ownBooks, entries []recommend.Entry, anchor string, whole bool) []card {
	var books []*catalog.Book
	for _, e := range entries {
		if b := p.cfg.Catalog.Find(e.BookID); b != nil && len(books) < mostYourBooks {
			books = append(books, b)
		}
	}
	return own.cardsWith(books, anchor, whole)
}

// Forget is POST /your-books/forget: it deletes the reader, and makes the browser that of
// somebody new. A reader who is signed in stays the same, without books.
func (p *Pages) Forget(w http.ResponseWriter, r *http.Request, v Visitor) error {
	if err := p.checkWrite(v); err != nil {
		return err
	}
	if r.PostForm.Get(sureField) != "yes" {
		return problem.Invalid{{Field: sureField, Reason: "must be ticked: what is forgotten cannot be brought back"}}
	}
	if !v.unknown() { // otherwise there is nothing to forget, perhaps since a moment ago
		if err := p.cfg.Limits.Write(v.id.Own); err != nil {
			return err
		}
		if _, err := p.cfg.Recommender.Forget(r.Context(), v.id.Own, v.id.Generation); err != nil {
			return problem.Unavailable(problem.ErrNotKept, err)
		}
	}
	if !v.signedIn {
		p.forget(w)
	}
	p.seeOther(w, YourBooksPath+"?"+forgottenField+"=yes")
	return nil
}

// summary says how many books there are, and how many of them the page shows.
func (p *yourBooksPage) summary() string {
	text := p.at.books(p.Total) + " that you liked, rated or bought, the latest first"
	if len(p.Books) < p.Total {
		text += "; here are " + p.at.count(int64(len(p.Books))) + " of them"
	}
	return text + "."
}
