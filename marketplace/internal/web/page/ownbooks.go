package page

import (
	"context"

	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/recommend"
)

// ownBooks is what a page knows about the visitor's own history.
type ownBooks struct {
	here        string            // address of the page, to return to
	canInteract bool              // whether the visitor can like and rate on it
	known       bool              // whether the entries are the whole history
	entries     []recommend.Entry // the latest change first
	byBook      map[int64]recommend.Entry
}

// askOwnBooks starts to ask for a visitor's history while the page waits for other
// answers. The returned function waits for the answer and must be called. Without an
// answer the page shows no likes and ratings.
func (p *Pages) askOwnBooks(ctx context.Context, v Visitor, here string) func() ownBooks {
	own := ownBooks{here: here, canInteract: p.canInteract(v)}
	if !own.canInteract || v.unknown() {
		own.known = v.unknown()
		return func() ownBooks { return own }
	}
	done := make(chan any, 1)
	go func() {
		defer func() { done <- recover() }() // the request panics instead
		history, err := p.cfg.Recommender.History(ctx, v.id.Own, v.version)
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

func (o *ownBooks) fill(h recommend.History) {
	o.known, o.byBook = true, map[int64]recommend.Entry{}
	for _, e := range h.Entries {
		if e.Liked || e.Purchased || e.Rating > 0 { // otherwise everything was undone
			o.entries = append(o.entries, e)
			o.byBook[e.BookID] = e
		}
	}
}
