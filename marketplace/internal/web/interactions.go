package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
)

// The fields of the forms by which a visitor says what he or she did.
const (
	bookField   = "book"
	doField     = "do" // a kind, or rating-1 to rating-5
	idField     = "id" // of the interaction; only where it is sent again
	widgetField = "widget"

	interactionsPath = "/interactions"
)

// interact is POST /interactions: what a visitor did with a book. A script gets
// the form anew, a browser without is sent back to where it was.
func (s *shop) interact(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := readForm(r); err != nil {
		return err
	}
	if err := s.mayAct(v); err != nil {
		return err
	}
	i, err := interactionOf(r, v.own)
	if err != nil {
		return err
	}
	done, err := s.record(r.Context(), i)
	if err != nil {
		return err
	}
	s.version.write(w, v.own, max(v.version, done.Version))
	back := localPath(r.PostForm.Get(returnField))
	w.Header().Set("Cache-Control", "no-store")
	if r.Header.Get("Accept") == "application/json" {
		return s.answerScript(w, r, i, done.Version, back)
	}
	w.Header().Set("Location", back)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// mayAct returns why a visitor cannot do anything that is remembered, or nil.
func (s *shop) mayAct(v visitor) error {
	switch {
	case s.Catalog.ReadOnly():
		return recommend.ErrReadOnly
	case v.fresh:
		return errNoCookie
	case v.sample.ID != 0:
		return errActing
	}
	return nil
}

// interactionOf reads the form of an interaction.
func interactionOf(r *http.Request, readerID int64) (recommend.Interaction, error) {
	i := recommend.Interaction{ID: r.PostForm.Get(idField), UserID: readerID}
	var faults invalidRequest
	if i.ID == "" {
		i.ID = rand.Text()
		r.PostForm.Set(idField, i.ID) // for a page that offers to try again
	} else if !validInteractionID(i.ID) {
		faults = append(faults, fieldError{idField, badInteractionID})
	}
	var ok bool
	if i.BookID, ok = wholeNumber(r.PostForm.Get(bookField), 1, math.MaxInt64); !ok {
		faults = append(faults, fieldError{bookField, "must be the id of a book"})
	}
	if i.Kind, i.Rating, ok = parseDo(r.PostForm.Get(doField)); !ok {
		faults = append(faults, fieldError{doField, "must be like, unlike, rating-1 to rating-5, unrate or purchase"})
	}
	if len(faults) > 0 {
		return recommend.Interaction{}, faults
	}
	return i, nil
}

// parseDo reads the value of the button that was pressed.
func parseDo(text string) (kind recommend.Kind, rating int, ok bool) {
	plain := []recommend.Kind{recommend.Like, recommend.Unlike, recommend.Unrate, recommend.Purchase}
	if slices.Contains(plain, recommend.Kind(text)) {
		return recommend.Kind(text), 0, true
	}
	stars, found := strings.CutPrefix(text, string(recommend.Rating)+"-")
	n, ok := wholeNumber(stars, 1, 5)
	return recommend.Rating, int(n), found && ok
}

const badInteractionID = "must have 1 to 128 printable ASCII characters without spaces"

func validInteractionID(id string) bool {
	strange := func(r rune) bool { return r <= ' ' || r > '~' }
	return id != "" && len(id) <= 128 && !strings.ContainsFunc(id, strange)
}

// record stores an interaction, and turns what recommend says into what the shop says.
func (s *shop) record(ctx context.Context, i recommend.Interaction) (recommend.Recorded, error) {
	done, err := s.Recommender.Record(ctx, i)
	if field := (*recommend.FieldError)(nil); errors.As(err, &field) {
		return done, invalidRequest{{field.Field, field.Reason}}
	}
	return done, notKept(err)
}

// notKept says of a write that it may be repeated.
func notKept(err error) error {
	if errors.Is(err, recommend.ErrUnavailable) {
		return fmt.Errorf("%w: %w", errNotKept, err)
	}
	return err
}

// scriptAnswer is what the script needs to show what was done.
type scriptAnswer struct {
	HTML  string `json:"html"`            // the form of the book, as it is now
	Count *int   `json:"count,omitempty"` // of the visitor's books, if known
	Said  string `json:"said"`            // for those who do not see the form change
}

func (s *shop) answerScript(w http.ResponseWriter, r *http.Request, i recommend.Interaction, version int64, back string) error {
	b, err := s.Catalog.Book(i.BookID)
	if err != nil { // recommendations has it, so the next catalogue will
		b = catalog.Book{ID: i.BookID, Title: "this book"}
	}
	own := ownBooks{acts: true}
	answer := scriptAnswer{Said: said(i, b.Title)}
	if history, err := s.Recommender.History(r.Context(), i.UserID, version); err == nil {
		own.fill(history)
		n := len(own.entries)
		answer.Count = &n
	} else {
		own.byBook = map[int64]recommend.Entry{b.ID: entryAfter(i)}
	}
	form := own.actions(b, "", r.PostForm.Get(widgetField) == wholeWidget)
	form.Back = back
	if answer.HTML, err = s.templates.part("actions", form); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, answer)
}

// entryAfter is what is sure of an entry after an interaction.
func entryAfter(i recommend.Interaction) recommend.Entry {
	return recommend.Entry{
		BookID: i.BookID, Rating: i.Rating, Liked: i.Kind == recommend.Like, Purchased: i.Kind == recommend.Purchase,
	}
}

// said tells in words what was done.
func said(i recommend.Interaction, title string) string {
	switch i.Kind {
	case recommend.Like:
		return "You like " + title + "."
	case recommend.Unlike:
		return "You no longer like " + title + "."
	case recommend.Rating:
		return "You gave " + title + " " + strconv.Itoa(i.Rating) + " of 5 stars."
	case recommend.Unrate:
		return "Your rating of " + title + " is gone."
	default:
		return "Noted: you bought " + title + "."
	}
}
