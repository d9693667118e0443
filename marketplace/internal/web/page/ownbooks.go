package page

import (
	"context"
	"errors"
	"net/http"

	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
)

// ownBooks is what a page knows about the visitor's own history.
type ownBooks struct {
	here        string            // address of the page as browsers ask for it, to return to
	canInteract bool              // whether the visitor can like and rate on it
	known       bool              // whether the entries are the whole history
	entries     []recommend.Entry // liked, rated or bought; the latest change first
	wanted      []recommend.Entry // on the list of books to read; the latest change first
	dismissed   []recommend.Entry // not for the visitor; the latest change first
	byBook      map[int64]recommend.Entry
	latest      recommend.Entry // of the whole history
	forgotten   bool            // whether the reader was forgotten since the cookie was made
}

// askOwnBooks starts to ask for a visitor's history while the page waits for other
// answers. The returned function waits for the answer and must be called. Without an
// answer the page shows no likes and ratings.
func (p *Pages) askOwnBooks(ctx context.Context, v Visitor, here string) func() ownBooks {
	own := ownBooks{here: p.to(here), canInteract: p.canInteract(v)}
	if !own.canInteract || v.unknown() {
		own.known = v.unknown()
		return func() ownBooks { return own }
	}
	done := make(chan any, 1)
	go func() {
		defer func() { done <- recover() }() // the request panics instead
		history, err := p.cfg.Recommender.History(ctx, v.historyQuery(v.version))
		if own.forgotten = errors.Is(err, recommend.ErrForgotten); own.forgotten {
			own.known = true // there is none
			return
		}
		if err != nil {
			telemetry.Logger(ctx, p.cfg.Log).V(1).Info("page without the likes of its reader", "error", err.Error())
			return
		}
		own.fill(history)
	}()
	return func() ownBooks {
		if p := <-done; p != nil {
			panic(p)
		}
		return own
	}
}

// waitOwnBooks waits for the answer. If the reader was forgotten, it removes the cookies, and
// the visitor that remains has no books.
func (p *Pages) waitOwnBooks(w http.ResponseWriter, v Visitor, wait func() ownBooks) (Visitor, ownBooks) {
	own := wait()
	if own.forgotten {
		v = p.forget(w)
	}
	return v, own
}

// askShelf asks for the visitor's shelf and own books. Of a reader who was forgotten nothing
// is shown, even if the replica that made the shelf does not know yet.
func (p *Pages) askShelf(w http.ResponseWriter, r *http.Request, v Visitor, category, here string, most int) (Visitor, recommend.Shelf, ownBooks) {
	wait := p.askOwnBooks(r.Context(), v, here)
	answer := p.cfg.Recommender.Shelf(r.Context(), v.shelfQuery(category, most))
	v, own := p.waitOwnBooks(w, v, wait)
	switch {
	case answer.Forgotten && !own.forgotten:
		v, own = p.forget(w), ownBooks{here: p.to(here), canInteract: own.canInteract, known: true}
	case own.forgotten && !answer.Forgotten:
		answer = p.cfg.Recommender.Shelf(r.Context(), v.shelfQuery(category, most))
	}
	return v, p.cfg.Shelves.Count(answer), own
}

func (o *ownBooks) fill(h recommend.History) {
	o.known, o.byBook = true, map[int64]recommend.Entry{}
	if len(h.Entries) > 0 {
		o.latest = h.Entries[0]
	}
	for _, e := range h.Entries {
		o.byBook[e.BookID] = e
		if e.Own() {
			o.entries = append(o.entries, e)
		}
		if e.Wanted {
			o.wanted = append(o.wanted, e)
		}
		if e.Dismissed {
			o.dismissed = append(o.dismissed, e)
		}
	}
}

// dismissal is a book that the visitor dismissed last, and the form that takes it back.
type dismissal struct {
	Book catalog.Book
	Back string // address to return to, as browsers ask for it
}

// undo returns the visitor's last change if that dismissed a book, nil otherwise. A browser
// without script returns to an anchor of the page.
func (p *Pages) undo(own ownBooks, anchor string) *dismissal {
	if !own.canInteract || !own.latest.Dismissed {
		return nil
	}
	b, err := p.cfg.Catalog.Book(own.latest.BookID)
	if err != nil {
		return nil
	}
	return &dismissal{Book: b, Back: own.here + "#" + anchor}
}
