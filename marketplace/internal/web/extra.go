package web

import (
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Extra is an address that another package answers, in the shop's look and behind
// all that the shop's own addresses are behind.
type Extra struct {
	Pattern string // as of http.ServeMux, with a method
	Link    string // what the foot of all pages calls it; "" for no link
	Polled  bool   // asked for all the time: without spans, and with lines in the log for developers only
	Answer  func(*http.Request) (ExtraAnswer, error)
}

// path returns the address.
func (e Extra) path() string {
	_, path, _ := strings.Cut(e.Pattern, " ")
	return path
}

// ExtraAnswer is a page, a part of one, or a value for programs. None of them is
// kept by browsers.
type ExtraAnswer struct {
	Title  string        // of the page
	Main   template.HTML // its own part, between the shop's head and foot
	Reload time.Duration // after which a browser without script loads it anew; 0 for never

	Part template.HTML // instead of a page: what a script shows in one; "" for none
	JSON any           // the value; nil for a page
}

// Refusal is why an Extra does not answer. Any other error is our fault, but for
// those of a Query.
type Refusal struct {
	Status int
	Detail string // for readers and programs
	Err    error  // what happened; never told
}

func (r *Refusal) Error() string { return fmt.Sprintf("%d %s: %v", r.Status, r.Detail, r.Err) }

// Unwrap returns what happened.
func (r *Refusal) Unwrap() error { return r.Err }

type extraPage struct {
	layout
	Main template.HTML
}

// extra answers with what another package says.
func (s *shop) extra(e Extra) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		answer, err := e.Answer(r)
		if err != nil {
			return err
		}
		if answer.JSON != nil {
			return writeJSON(w, http.StatusOK, answer.JSON)
		}
		body := []byte(answer.Part)
		if answer.Part == "" {
			id, _ := s.identity.read(r) // a stranger gets no cookie: nothing here is about the reader
			page := extraPage{layout: s.newLayout(answer.Title, r.URL.Path, s.newVisitor(id), ownBooks{}), Main: answer.Main}
			page.Reload = int(answer.Reload.Seconds())
			if body, err = s.templates.render("extra.html", page); err != nil {
				return err
			}
		}
		w.Header().Set("Cache-Control", "no-store")
		write(w, http.StatusOK, "text/html; charset=utf-8", body)
		return nil
	}
}

// polled reports whether a request is for what is asked for all the time.
func (s *shop) polled(r *http.Request) bool {
	return slices.ContainsFunc(s.Extras, func(e Extra) bool { return e.Polled && e.Pattern == r.Pattern })
}

// Query reads the parameters of an API request for an Extra, and collects what is
// wrong with them.
type Query struct{ *apiQuery }

// NewQuery returns the query of a request that has the named parameters only.
func NewQuery(r *http.Request, names ...string) Query { return Query{newAPIQuery(r, names...)} }

// Text reads a text that must be there.
func (q Query) Text(field string) string {
	text := q.text(field)
	if text == "" {
		q.fault(field, "is required")
	}
	return text
}

// OneOf reads one of some words, the first when there is none.
func (q Query) OneOf(field string, words ...string) string {
	word := q.values.Get(field)
	if word == "" {
		return words[0]
	}
	if !slices.Contains(words, word) {
		q.fault(field, "must be one of "+strings.Join(words, ", "))
	}
	return word
}

// Err returns all that is wrong, or nil.
func (q Query) Err() error { return q.err() }
