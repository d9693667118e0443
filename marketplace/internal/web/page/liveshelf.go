package page

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/shelf"
)

// liveView is the reader's own shelf on a page. The shelf that comes with the page
// and those that replace it are made by the same template.
type liveView struct {
	shelfView

	Category string // slug; "" for the front page
	Events   string // address of the events that replace it; "" for none
	Version  string // version of the history that it was made from; "" if not known
	Count    string // number of the visitor's books; "" if not known
	Sample   string // label of the sample reader; "" for the visitor
	Samples  bool   // whether there are sample readers
	Change   *shelfChange
}

// shelfChange says why the shelf has changed.
type shelfChange struct {
	BookID               int64
	Before, Title, After string
}

// Featured returns the first book, nil when there is none.
func (l liveView) Featured() *card {
	if len(l.Cards) == 0 {
		return nil
	}
	return &l.Cards[0]
}

// Rest returns all books but the first.
func (l liveView) Rest() []card { return l.Cards[min(1, len(l.Cards)):] }

func (p *Pages) liveShelf(answer recommend.Shelf, category string, v Visitor, own ownBooks) liveView {
	l := liveView{
		shelfView: p.shelf(answer, shelf.Reason, own, "for-you"), Category: category,
		Sample: v.sample.Label, Samples: len(p.cfg.Catalog.Samples()) > 0,
	}
	if category != "" && !personal(answer) {
		l.Cards = nil // the page's list begins with bestsellers anyway
	}
	if own.canInteract && p.cfg.Live {
		l.Events = EventsPath
		if category != "" {
			l.Events += "?" + url.Values{"category": {category}}.Encode()
		}
	}
	if answer.Source != recommend.Fallback {
		l.Version = strconv.FormatInt(answer.Version, 10)
	}
	if own.known {
		l.Count = strconv.Itoa(len(own.entries))
	}
	return l
}

// personal reports whether any book of a shelf is there because of another one.
func personal(s recommend.Shelf) bool {
	return s.Source == recommend.Personal && slices.ContainsFunc(s.Items, func(i recommend.Item) bool { return i.BecauseID != 0 })
}

// LiveShelf is the shelf of an open page, which changes with its reader's history.
type LiveShelf struct {
	pages    *Pages
	visitor  Visitor
	category string
}

// LiveShelf returns the shelf that a request for events is about; ok is false for a
// visitor whose shelf does not change.
func (p *Pages) LiveShelf(r *http.Request) (l LiveShelf, ok bool, err error) {
	category := r.URL.Query().Get("category")
	if category != "" && !p.cfg.Catalog.HasCategory(category) {
		return LiveShelf{}, false, problem.ErrNoSuchCategory
	}
	v := p.visitor(r)
	return LiveShelf{p, v, category}, p.checkWrite(v) == nil, nil
}

// Take takes one of the live shelves that its reader may have open at a time. The caller
// must leave it.
func (l LiveShelf) Take() (leave func(), err error) { return l.pages.limits.stream(l.visitor.own) }

// Follow calls show with the shelf after each change, until ctx ends or show fails; seen
// is the version that the page shows already, -1 for unknown.
func (l LiveShelf) Follow(ctx context.Context, seen int64, show func(version int64, html []byte) error) error {
	most := frontShelf
	if l.category != "" {
		most = categoryShelf
	}
	query := recommend.FollowQuery{UserID: l.visitor.own, Category: l.category, MaxResults: most, After: max(seen, 0)}
	return l.pages.cfg.Recommender.Follow(ctx, query, func(c recommend.Change) error {
		if c.Version == seen {
			return nil
		}
		html, err := l.html(ctx, c, seen >= 0)
		if err != nil {
			return err
		}
		seen = c.Version
		return show(c.Version, html)
	})
}

// html returns the shelf after a change, which it names if the page showed a shelf of
// the reader's before.
func (l LiveShelf) html(ctx context.Context, c recommend.Change, shownBefore bool) ([]byte, error) {
	own := ownBooks{here: "/", canInteract: true}
	if l.category != "" {
		own.here = "/categories/" + l.category
	}
	if history, err := l.pages.cfg.Recommender.History(ctx, l.visitor.own, c.Version); err == nil {
		own.fill(history)
	}
	shown := l.pages.liveShelf(c.Shelf, l.category, l.visitor, own)
	if shownBefore {
		shown.Change = changeOf(c)
	}
	return l.pages.part("live", shown)
}

// changeOf says what the reader did.
func changeOf(c recommend.Change) *shelfChange {
	change := &shelfChange{BookID: c.CauseID, Title: c.CauseTitle}
	switch {
	case c.CauseTitle == "":
	case c.Entry.Liked:
		change.Before = "you like"
	case c.Entry.Rating > 0:
		change.Before, change.After = "you gave", fmt.Sprintf(" %d of 5 stars", c.Entry.Rating)
	case c.Entry.Purchased:
		change.Before = "you bought"
	default:
		change.Before = "you took back what you said of"
	}
	return change
}
