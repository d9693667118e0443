package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"bookstall/marketplace/internal/recommend"
)

// eventsPath is the route that metrics and traces leave out: its answers last for
// as long as readers stay.
const eventsPath = "/shelf/events"

const (
	heartbeat    = 15 * time.Second // what lies between cuts connections that are silent for a minute
	eventTimeout = 10 * time.Second // for a browser to take an event
)

// liveShelf is the reader's own shelf on a page: the page's first one and those
// that follow it are made by the same template.
type liveShelf struct {
	shelfView

	Category string // slug; "" for the front page
	Events   string // address of the events that replace it; "" when there are none
	Version  string // of the history that it was made from; "" when that is not known
	Count    string // of the visitor's books; "" when that is not known
	Sample   string // label of the sample reader; "" for the visitor
	Samples  bool   // whether there are any
	Change   *shelfChange
}

// shelfChange says why a shelf is another than a moment ago.
type shelfChange struct {
	BookID               int64
	Before, Title, After string
}

// Featured is the first book of the front page's shelf, and Rest are the others.
func (l liveShelf) Featured() *card {
	if len(l.Cards) == 0 {
		return nil
	}
	return &l.Cards[0]
}

// Rest returns all books but the first.
func (l liveShelf) Rest() []card {
	if len(l.Cards) == 0 {
		return nil
	}
	return l.Cards[1:]
}

// newLiveShelf makes the shelf of a page from an answer.
func (s *shop) newLiveShelf(shelf recommend.Shelf, category string, v visitor, own ownBooks) liveShelf {
	l := liveShelf{
		shelfView: s.newShelfView(shelf, reason, own, "for-you"), Category: category,
		Sample: v.sample.Label, Samples: len(s.Catalog.Samples()) > 0,
	}
	if category != "" && !personal(shelf) {
		l.Cards = nil // bestsellers are what the page's list begins with
	}
	if own.acts && s.MaxStreams > 0 {
		l.Events = eventsPath
		if category != "" {
			l.Events += "?" + url.Values{"category": {category}}.Encode()
		}
	}
	if shelf.Source != recommend.Fallback {
		l.Version = strconv.FormatInt(shelf.Version, 10)
	}
	if own.known {
		l.Count = strconv.Itoa(len(own.entries))
	}
	return l
}

// personal reports whether any book of a shelf is there because of another one.
func personal(shelf recommend.Shelf) bool {
	return shelf.Source == recommend.Personal && slices.ContainsFunc(shelf.Items, func(i recommend.Item) bool { return i.BecauseID != 0 })
}

// shelfEvents is GET /shelf/events: the reader's shelf at each change, as HTML.
// It ends when the reader leaves or the shop drains.
func (s *shop) shelfEvents(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	category := query.Get("category")
	if category != "" && !s.Catalog.HasCategory(category) {
		return errNoSuchCategory
	}
	id, known := s.identity.read(r)
	v := s.newVisitor(id)
	if !known || !s.acts(v) {
		w.WriteHeader(http.StatusNoContent) // which tells a browser not to ask again
		return nil
	}
	v.version = s.version.read(r, v.own)
	select {
	case <-s.Draining:
		return errNoStream
	default:
	}
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		s.metrics.liveRefused.Inc()
		return errNoStream
	}
	s.metrics.liveStreams.Inc()
	defer s.metrics.liveStreams.Dec()

	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // some proxies would gather events
	h.Set("Connection", "close")     // what comes next may go to another replica
	if r.Method == http.MethodHead {
		return nil
	}
	live := liveStream{
		shop: s, visitor: v, category: category, seen: seenVersion(r, query),
		out: http.NewResponseController(w), w: w,
	}
	live.run(r.Context())
	return nil
}

// seenVersion returns the version of the shelf that the browser shows, -1 when
// that is not known.
func seenVersion(r *http.Request, query url.Values) int64 {
	seen := int64(-1)
	for _, text := range []string{query.Get("after"), r.Header.Get("Last-Event-ID")} {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			seen = max(seen, n)
		}
	}
	return seen
}

// liveStream is one browser that waits for changes.
type liveStream struct {
	shop     *shop
	visitor  visitor
	category string
	seen     int64 // version of the shelf that the browser shows; -1 for unknown
	out      *http.ResponseController
	w        http.ResponseWriter
}

// run sends events until the browser goes away or the shop drains.
func (l *liveStream) run(ctx context.Context) {
	// The deadlines of the server are for answers that end.
	if err := l.out.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return
	}
	// Spread, so that the streams of a replica that drains do not all come at once.
	if l.send(fmt.Appendf(nil, "retry: %d\n\n", 500+rand.IntN(1000))) != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	changes := make(chan recommend.Change)
	ended := make(chan struct{})
	wait := apart(func() {
		defer close(ended)
		_ = l.shop.Recommender.Follow(ctx, l.query(), func(c recommend.Change) error { // of ctx, or of here
			select {
			case changes <- c:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	defer wait()
	defer cancel()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case c := <-changes:
			err = l.show(ctx, c)
		case <-beat.C:
			err = l.send([]byte(":\n\n"))
		case <-ended:
			return
		case <-ctx.Done():
			return
		case <-l.shop.Draining:
			return
		}
		if err != nil {
			return
		}
	}
}

func (l *liveStream) query() recommend.FollowQuery {
	most := frontShelf
	if l.category != "" {
		most = categoryShelf
	}
	return recommend.FollowQuery{UserID: l.visitor.own, Category: l.category, MaxResults: most, After: max(l.seen, 0)}
}

// show sends a shelf that the browser does not show yet.
func (l *liveStream) show(ctx context.Context, c recommend.Change) error {
	if c.Version <= l.seen {
		return nil
	}
	here := "/"
	if l.category != "" {
		here = "/categories/" + l.category
	}
	own := ownBooks{here: here, acts: true}
	if history, err := l.shop.Recommender.History(ctx, l.visitor.own, c.Version); err == nil {
		own.fill(history)
	}
	shelf := l.shop.newLiveShelf(c.Shelf, l.category, l.visitor, own)
	if l.seen >= 0 { // else the page had no shelf of the reader's, so none has changed
		shelf.Change = changeOf(c)
	}
	html, err := l.shop.templates.part("live", shelf)
	if err != nil {
		return err
	}
	event := fmt.Appendf(nil, "id: %d\nevent: shelf\n", c.Version)
	for line := range bytes.Lines([]byte(html)) {
		event = append(append(event, "data: "...), bytes.TrimRight(line, "\r\n")...)
		event = append(event, '\n')
	}
	l.seen = c.Version
	l.shop.metrics.liveShelves.Inc()
	return l.send(append(event, '\n'))
}

// changeOf says in words what a reader did.
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

// send writes and flushes, within a deadline of its own.
func (l *liveStream) send(event []byte) error {
	if err := l.out.SetWriteDeadline(time.Now().Add(eventTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := l.w.Write(event); err != nil {
		return err
	}
	return l.out.Flush()
}
