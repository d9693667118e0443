package web

import (
	"net/http"
	"strconv"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
)

const (
	yourBooksPath  = "/your-books"
	forgetPath     = "/your-books/forget"
	forgottenField = "forgotten"
	sureField      = "sure"

	mostYourBooks = 200 // of one page
)

type yourBooksPage struct {
	layout
	Books     []card
	Total     int
	Forgotten bool // just now
}

// yourBooks is GET /your-books.
func (s *shop) yourBooks(w http.ResponseWriter, r *http.Request, v visitor) error {
	if s.Catalog.ReadOnly() {
		return recommend.ErrReadOnly
	}
	own := ownBooks{here: yourBooksPath, acts: s.acts(v)}
	switch {
	case v.fresh:
		own.known = true
	case own.acts:
		history, err := s.history(r.Context(), v.own, v.version)
		if err != nil {
			return err
		}
		own.fill(history)
	}
	page := yourBooksPage{
		layout: s.newLayout("Your books", yourBooksPath, v, own), Total: len(own.entries), Forgotten: r.URL.Query().Has(forgottenField),
	}
	for _, e := range own.entries {
		if b, err := s.Catalog.Book(e.BookID); err == nil && len(page.Books) < mostYourBooks {
			page.Books = append(page.Books, own.mine(b))
		}
	}
	return s.show(w, "yourbooks.html", page)
}

func (o ownBooks) mine(b catalog.Book) card {
	anchor := "book-" + strconv.FormatInt(b.ID, 10)
	return card{Book: b, Anchor: anchor, Actions: o.actions(b, anchor, true)}
}

// forget is POST /your-books/forget: it deletes the reader, and the browser
// becomes somebody new.
func (s *shop) forget(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := readForm(r); err != nil {
		return err
	}
	if err := s.mayAct(v); err != nil {
		return err
	}
	if r.PostForm.Get(sureField) != "yes" {
		return invalidRequest{{sureField, "must be ticked: what is forgotten cannot be brought back"}}
	}
	if _, err := s.Recommender.Forget(r.Context(), v.own); err != nil {
		return notKept(err)
	}
	s.identity.remove(w)
	s.version.remove(w)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", yourBooksPath+"?"+forgottenField+"=yes")
	w.WriteHeader(http.StatusSeeOther)
	return nil
}
