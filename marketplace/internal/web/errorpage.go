package web

import (
	"cmp"
	"net/http"

	"bookstall/internal/telemetry"
)

type errorPage struct {
	layout
	Status    int
	Heading   string
	Detail    string
	Fields    []fieldError
	Open      bool   // whether there are books to go on to
	RequestID string // for those who ask us what went wrong

	Again       *againForm // what could not be done, to try it again
	Bestsellers []card     // for those who came for a book that is not there
}

// againForm sends an interaction once more, with the same id.
type againForm struct{ Book, Do, ID, Back string }

const errorBestsellers = 6

// errorPage answers a reader with an error.
func (s *shop) errorPage(w http.ResponseWriter, r *http.Request, told outcome) {
	id, _ := s.identity.read(r) // a stranger gets no cookie from an error
	heading := cmp.Or(told.heading, errorHeading(told.status))
	page := errorPage{
		layout: s.newLayout(heading, "/", s.newVisitor(id), ownBooks{}), Status: told.status, Heading: heading,
		Detail: told.detail, Fields: told.fields, Open: s.Catalog.Ready(), RequestID: telemetry.RequestID(r.Context()),
	}
	if told.status == http.StatusNotFound {
		page.Bestsellers = ownBooks{}.cards(s.Catalog.Bestsellers("", errorBestsellers))
	}
	if told.status == http.StatusServiceUnavailable && r.URL.Path == interactionsPath && r.PostForm != nil {
		page.Again = &againForm{
			Book: r.PostForm.Get(bookField), Do: r.PostForm.Get(doField),
			ID: r.PostForm.Get(idField), Back: localPath(r.PostForm.Get(returnField)),
		}
	}
	body, err := s.templates.render("error.html", page)
	if err != nil {
		telemetry.Logger(r.Context(), s.Log).Error(err, "error page failed")
		write(w, told.status, "text/plain; charset=utf-8", []byte(page.Heading+"\n"))
		return
	}
	write(w, told.status, "text/html; charset=utf-8", body)
}

func errorHeading(status int) string {
	switch status {
	case http.StatusNotFound:
		return "This page is not on our shelves"
	case http.StatusInternalServerError:
		return "Sorry, that went wrong"
	case http.StatusServiceUnavailable:
		return "The shop is opening"
	default:
		return "We could not do that"
	}
}
