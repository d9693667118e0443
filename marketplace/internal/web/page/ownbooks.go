package page

import (
	"context"
	"errors"
	"net/http"

	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/recommend"
)

// ownBooks is what a page knows about the visitor's own history.
type ownBooks struct {
	here        string            // address of the page as browsers ask for it, to return to
	canInteract bool              // whether the visitor can like and rate on it
	known       bool              // whether the entries are the whole history
	entries     []recommend.Entry // the latest change first
	byBook      map[int64]recommend.Entry
	forgotten   bool // whether the reader was forgotten since the cookie was made
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
	for _, e := range h.Entries {
		if e.Liked || e.Purchased || e.Rating > 0 { // otherwise everything was undone
			o.entries = append(o.entries, e)
			o.byBook[e.BookID] = e
		}
	}
}
