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
	Version  string // version of the visitor's history that it was made from, signed; "" if not known
	Count    string // number of the visitor's books; "" if not known
	Sample   string // label of the sample reader; "" for the visitor
	Samples  bool   // whether there are sample readers
	Change   *shelfChange
	Heading  string // of the front page
	Variety  recommend.Variety
	Undo     *dismissal // nil unless a book was dismissed last
}

// shelfChange says why the shelf has changed.
type shelfChange struct {
	BookID               int64
	Before, Title, After string
}

// Featured returns the first book, none when there is none.
func (l *liveView) Featured() []card { return l.Cards[:min(1, len(l.Cards))] }

// Rest returns all books but the first.
func (l *liveView) Rest() []card { return l.Cards[min(1, len(l.Cards)):] }

func (p *Pages) liveShelf(answer recommend.Shelf, category string, v Visitor, own ownBooks) liveView {
	l := liveView{
		shelfView: p.shelf(answer, shelf.Reason, own, "for-you"), Category: category,
		Heading: "For you", Variety: v.variety, Sample: v.sample.Label, Samples: len(p.cfg.Catalog.Samples()) > 0 && !v.signedIn,
	}
	if p.cfg.Face.Texts.Heading != "" && answer.Source != recommend.Personal {
		l.Heading = p.cfg.Face.Texts.Heading
	}
	if v.sample.ID == 0 {
		l.Undo = p.undo(own, "for-you")
	}
	if category != "" && !personal(answer) {
		l.Cards = nil // the page's list begins with bestsellers anyway
	}
	if own.canInteract && p.cfg.Live {
		l.Events = eventsOf(category, v.variety)
	}
	if answer.Source != recommend.Fallback && v.sample.ID == 0 {
		l.Version = p.cfg.Version.Encode(v.id.Own, answer.Version)
	}
	if own.known {
		l.Count = strconv.Itoa(len(own.entries))
	}
	return l
}

// eventsOf returns the address of the events of a shelf. They keep to the variety of its page,
// whatever is chosen in another tab.
func eventsOf(category string, variety recommend.Variety) string {
	if category == "" && variety == recommend.Balanced {
		return EventsPath
	}
	query := url.Values{}
	if category != "" {
		query.Set("category", category)
	}
	if variety != recommend.Balanced {
		query.Set(varietyField, string(variety))
	}
	return address(EventsPath, query)
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
	seen     int64 // version that the page shows; -1 for unknown
	another  bool
}

// LiveShelf returns the shelf that a request for events is about; ok is false for a
// visitor whose shelf does not change.
func (p *Pages) LiveShelf(r *http.Request) (l *LiveShelf, ok bool, err error) {
	query := r.URL.Query()
	category := query.Get("category")
	if category != "" && !p.cfg.Catalog.HasCategory(category) {
		return nil, false, problem.ErrNoSuchCategory
	}
	l = &LiveShelf{pages: p, visitor: p.reader(r), category: category, seen: -1}
	l.visitor.variety, _ = varietyOf(query.Get(varietyField))
	// Signed, because a version that is too high makes recommendations ask its store.
	for _, text := range []string{query.Get("after"), r.Header.Get("Last-Event-ID")} {
		if version, ok := p.cfg.Version.Decode(text, l.visitor.id.Own); ok {
			l.seen = max(l.seen, version)
		}
	}
	l.another = query.Has("reader") && !p.cfg.Identity.HasTag(l.visitor.id, query.Get("reader"))
	return l, !l.visitor.unknown() && p.checkWrite(l.visitor) == nil, nil
}

// Another reports whether the page was made for another reader than the browser has now.
func (l *LiveShelf) Another() bool { return l.another }

// Take takes one of the live shelves that its reader may have open at a time. The caller
// must leave it.
func (l *LiveShelf) Take() (leave func(), err error) {
	return l.pages.cfg.Limits.Stream(l.visitor.id.Own)
}

// Follow returns at once. It calls show with the shelf after each change, until ctx ends, show
// fails or the reader is forgotten (recommend.ErrForgotten), and then ended, after which the
// caller must end ctx; at is the version to continue after.
func (l *LiveShelf) Follow(ctx context.Context, show func(at string, html []byte) error, ended func(error)) {
	most := frontShelf
	if l.category != "" {
		most = categoryShelf
	}
	seen := l.seen
	query := recommend.FollowQuery{UserID: l.visitor.id.Own, Generation: l.visitor.id.Generation, Category: l.category, MaxResults: most, Variety: l.visitor.variety, After: max(seen, 0)}
	l.pages.cfg.Recommender.Follow(ctx, query, func(c recommend.Change) error {
		if c.Version == seen {
			return nil
		}
		html, err := l.html(ctx, c, seen >= 0)
		if err != nil {
			return err
		}
		seen = c.Version
		return show(l.pages.cfg.Version.Encode(l.visitor.id.Own, c.Version), html)
	}, ended)
}

// html returns the shelf after a change, which it names if the page showed a shelf of
// the reader's before.
func (l *LiveShelf) html(ctx context.Context, c recommend.Change, shownBefore bool) ([]byte, error) {
	here := "/"
	if l.category != "" {
		here = "/categories/" + l.category
	}
	own := ownBooks{here: l.pages.to(here), canInteract: true}
	if history, err := l.pages.cfg.Recommender.History(ctx, l.visitor.historyQuery(c.Version)); err == nil {
		own.fill(history)
	}
	shown := l.pages.liveShelf(c.Shelf, l.category, l.visitor, own)
	if shownBefore {
		shown.Change = changeOf(c)
	}
	return Render(live(l.pages.links, &shown))
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
	case c.Entry.Wanted:
		change.Before = "you want to read"
	case c.Entry.Dismissed:
		change.Before, change.After = "you said that", " is not for you"
	default:
		change.Before = "you took back what you said of"
	}
	return change
}

// lead says where the books of a front page's shelf come from.
func (l *liveView) lead() string {
	switch {
	case l.Source != recommend.Personal:
		text := "We have not met your taste yet, so we start with what other readers love most."
		if l.Events != "" {
			text += " Like a book, and watch this shelf change."
		}
		if l.Samples {
			text += " Curious what a shelf of one’s own looks like? Choose a sample reader under “Reading as”."
		}
		return text
	case l.Sample != "":
		return "Chosen one by one, from what this reader liked before. Every book says why it is here."
	default:
		return "Chosen one by one, from what you liked before. Every book says why it is here."
	}
}
