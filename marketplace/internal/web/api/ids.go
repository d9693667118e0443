package api

import (
	"errors"
	"math"
	"net/http"
	"strings"

	"bookstall/marketplace/internal/apitoken"
	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/signed"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/request"
)

// isText reports whether a part of a path is an id that is a text. Anything that begins as a
// number does is one, or wrong.
func isText(text string) bool { return strings.Trim(text, "+-0123456789") != "" }

// book returns the book of a path, by its number or its external id.
func (a *API) book(q *request.Query, text string) (catalog.Book, error) {
	id, err := a.cfg.Catalog.ID(text)
	if number, ok := request.WholeNumber(text, 1, math.MaxInt64); ok && (err != nil || text[0] != '0') {
		id, err = number, nil
	}
	if err != nil && (!isText(text) || !a.cfg.Catalog.HasExternalIDs()) {
		id, err = q.ID("id", text), nil
	}
	if wrong := q.Err(); wrong != nil {
		return catalog.Book{}, wrong
	}
	if err != nil {
		return catalog.Book{}, err
	}
	return a.cfg.Catalog.Book(id)
}

// externalID returns the external id of a book, "" if it has none.
func (a *API) externalID(id int64) string {
	b := a.cfg.Catalog.Find(id)
	if b == nil { // catalogues differ for a moment
		return ""
	}
	return b.ExternalID
}

// reader returns the reader of a path, by number or external id.
func (a *API) reader(r *http.Request, q *request.Query, text string) (int64, error) {
	if !isText(text) {
		id := q.ID("id", text)
		return id, q.Err()
	}
	if err := q.Err(); err != nil {
		return 0, err
	}
	return a.readerOf(r, "id", text, false)
}

// readerOf returns the reader with an external id; nobody, if there is none and none is to be
// added.
func (a *API) readerOf(r *http.Request, field, text string, add bool) (int64, error) {
	id, err := a.cfg.Recommender.Reader(r.Context(), text, add)
	if wrong := (*recommend.FieldError)(nil); errors.As(err, &wrong) {
		return 0, problem.Invalid{{Field: field, Reason: wrong.Reason}}
	}
	if err == nil && id == 0 {
		id = signed.Nobody
	}
	return id, err
}

// findIDs replaces the external ids of an interaction by numbers.
func (a *API) findIDs(r *http.Request, body *request.Body, i *recommend.Interaction) error {
	reader, book := body.Text("user_external_id", false), body.Text("external_id", false)
	for _, pair := range [][2]string{{"user_external_id", "user_id"}, {"external_id", "book_id"}} {
		if body.Has(pair[0]) && body.Has(pair[1]) {
			body.Fault(pair[0], "is given together with "+pair[1])
		}
	}
	if err := body.Err(); err != nil {
		return err
	}
	var err error
	if body.Has("external_id") {
		if i.BookID, err = a.cfg.Catalog.ID(book); err != nil {
			number, ok := request.WholeNumber(book, 1, math.MaxInt64)
			if !ok {
				return err
			}
			i.BookID, err = number, nil
		}
	}
	if body.Has("user_external_id") {
		anyReader := apitoken.FromContext(r.Context()).Reader == 0
		i.UserID, err = a.readerOf(r, "user_external_id", reader, anyReader)
	}
	return err
}
