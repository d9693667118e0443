package page

import (
	"crypto/rand"
	"errors"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/signed"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/reply"
	"bookstall/marketplace/internal/web/request"
)

// Fields of the form of a book.
const (
	bookField   = "book"
	doField     = "do" // a kind, or rating-1 to rating-5
	idField     = "id" // id of the interaction; only in a form that repeats one
	widgetField = "widget"
)

// Interact is POST /interactions: what a visitor did with a book. The shop's script
// gets the form as it is now, a browser without script goes back to its page.
func (p *Pages) Interact(w http.ResponseWriter, r *http.Request, v Visitor) error {
	if err := p.checkWrite(v); err != nil {
		return err
	}
	i, err := interaction(r.PostForm, v.id)
	if err != nil {
		return err
	}
	if v.unknown() {
		return p.makeKnown(w, r)
	}
	if err := p.cfg.Limits.Write(v.id.Own); err != nil {
		return err
	}
	back := p.returnTo(r)
	done, err := p.cfg.Recommender.Record(r.Context(), i)
	if errors.Is(err, recommend.ErrForgotten) { // in another browser: this one is somebody new
		p.forget(w)
		return p.makeKnown(w, r)
	}
	if err != nil {
		again := againForm{Book: i.BookID, Do: r.PostForm.Get(doField), ID: i.ID, Back: back}
		return &notRecorded{again, problem.Unavailable(problem.ErrNotKept, err)}
	}
	if !v.signedIn {
		p.cfg.Version.Write(w, v.id.Own, max(v.version, done.Version))
	}
	if r.Header.Get("Accept") == "application/json" {
		return p.answerScript(w, r, v, i, done.Version, back)
	}
	p.seeOther(w, back)
	return nil
}

// interaction reads the form of a book.
func interaction(form url.Values, reader signed.Identity) (recommend.Interaction, error) {
	i := recommend.Interaction{ID: form.Get(idField), UserID: reader.Own, Generation: reader.Generation}
	var faults request.Faults
	if i.ID == "" {
		i.ID = rand.Text()
	} else if fault := request.InteractionIDFault(i.ID); fault != "" {
		faults.Fault(idField, fault)
	}
	var ok bool
	if i.BookID, ok = request.WholeNumber(form.Get(bookField), 1, math.MaxInt64); !ok {
		faults.Fault(bookField, "must be the id of a book")
	}
	if i.Kind, i.Rating, ok = parseDo(form.Get(doField)); !ok {
		faults.Fault(doField, "must be like, unlike, rating-1 to rating-5, unrate, purchase, unpurchase, want, unwant, dismiss or undismiss")
	}
	return i, faults.Err()
}

// parseDo reads the value of the button that was pressed.
func parseDo(text string) (kind recommend.Kind, rating int, ok bool) {
	plain := []recommend.Kind{
		recommend.Like, recommend.Unlike, recommend.Unrate, recommend.Purchase, recommend.Unpurchase,
		recommend.Want, recommend.Unwant, recommend.Dismiss, recommend.Undismiss,
	}
	if slices.Contains(plain, recommend.Kind(text)) {
		return recommend.Kind(text), 0, true
	}
	stars, found := strings.CutPrefix(text, string(recommend.Rating)+"-")
	n, ok := request.WholeNumber(stars, 1, 5)
	return recommend.Rating, int(n), found && ok
}

// notRecorded is the error of an interaction that was not stored.
type notRecorded struct {
	again againForm
	err   error
}

func (e *notRecorded) Error() string { return e.err.Error() }
func (e *notRecorded) Unwrap() error { return e.err }

// againForm sends an interaction once more, with the same id.
type againForm struct {
	Book         int64
	Do, ID, Back string
}

// scriptAnswer is what the script needs to show what was done.
type scriptAnswer struct {
	HTML  string `json:"html"`            // the form of the book, as it is now
	Count *int   `json:"count,omitempty"` // number of the visitor's books, if known
	Said  string `json:"said"`            // text for screen readers
	// Reader is the tag of the reader, who may have been nobody when the page was made.
	Reader string `json:"reader"`
}

func (p *Pages) answerScript(w http.ResponseWriter, r *http.Request, v Visitor, i recommend.Interaction, version int64, back string) error {
	b, err := p.cfg.Catalog.Book(i.BookID)
	if err != nil { // recommendations has it, so the next catalogue will
		b = catalog.Book{ID: i.BookID, Title: "this book"}
	}
	own := ownBooks{canInteract: true}
	answer := scriptAnswer{Said: said(i, b.Title), Reader: v.tag}
	if history, err := p.cfg.Recommender.History(r.Context(), v.historyQuery(version)); err == nil {
		own.fill(history)
		n := len(own.entries)
		answer.Count = &n
	} else { // show at least what was done just now
		own.byBook = map[int64]recommend.Entry{b.ID: {
			BookID: i.BookID, Rating: i.Rating, Liked: i.Kind == recommend.Like, Purchased: i.Kind == recommend.Purchase,
			Wanted: i.Kind == recommend.Want, Dismissed: i.Kind == recommend.Dismiss,
		}}
	}
	form := own.actions(b, "", r.PostForm.Get(widgetField) == wholeWidget)
	form.Back = p.to(back)
	html, err := Render(actionsOf(p.links, form))
	if err != nil {
		return err
	}
	answer.HTML = string(html)
	return reply.JSON(w, http.StatusOK, answer)
}

// said says what was done.
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
	case recommend.Want:
		return title + " is on your list."
	case recommend.Unwant:
		return title + " is no longer on your list."
	case recommend.Dismiss:
		return title + " is not for you: shelves leave it out."
	case recommend.Undismiss:
		return "Shelves may show " + title + " again."
	case recommend.Unpurchase:
		return "Noted: you did not buy " + title + "."
	default:
		return "Noted: you bought " + title + "."
	}
}
