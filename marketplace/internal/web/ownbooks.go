package web

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
)

// ownBooks is what a page knows of what its visitor has to do with books.
type ownBooks struct {
	here    string            // address of the page, to come back to
	acts    bool              // whether the visitor can like and rate on it
	known   bool              // whether entries are what recommendations knows
	entries []recommend.Entry // the latest change first
	byBook  map[int64]recommend.Entry
}

// acts reports whether a visitor can like and rate: as oneself only, and only
// where that is remembered.
func (s *shop) acts(v visitor) bool { return v.sample.ID == 0 && !s.Catalog.ReadOnly() }

// askOwnBooks begins to ask for a visitor's own books, besides whatever else the
// page waits for. The function that it returns waits for the answer and must be
// called. Without an answer the page shows no states.
func (s *shop) askOwnBooks(ctx context.Context, v visitor, here string) func() ownBooks {
	own := ownBooks{here: here, acts: s.acts(v)}
	if !own.acts || v.fresh { // who is new has no books
		own.known = v.fresh
		return func() ownBooks { return own }
	}
	wait := apart(func() {
		history, err := s.Recommender.History(ctx, v.own, v.version)
		if err != nil {
			telemetry.Logger(ctx, s.Log).V(1).Info("a page without what its reader likes", "error", err.Error())
			return
		}
		own.fill(history)
	})
	return func() ownBooks {
		wait()
		return own
	}
}

func (o *ownBooks) fill(h recommend.History) {
	o.known, o.byBook = true, map[int64]recommend.Entry{}
	for _, e := range h.Entries {
		if e.Liked || e.Purchased || e.Rating > 0 { // all else was taken back
			o.entries = append(o.entries, e)
			o.byBook[e.BookID] = e
		}
	}
}

// apart runs do in a goroutine. What it returns waits for the end of do, and
// panics when do did.
func apart(do func()) (wait func()) {
	done := make(chan any, 1)
	go func() {
		defer func() { done <- recover() }()
		do()
	}()
	return func() {
		if p := <-done; p != nil {
			panic(p)
		}
	}
}

// bookActions is the form by which a visitor says what he or she did with a book.
type bookActions struct {
	Book  catalog.Book
	Entry recommend.Entry
	Back  string // address to come back to
	Whole bool   // with stars and purchase; else a like only
}

// Widget names the kind of the form to the script.
func (a bookActions) Widget() string {
	if a.Whole {
		return wholeWidget
	}
	return "like"
}

const wholeWidget = "whole"

// Stars are the ratings that there are.
func (bookActions) Stars() []int { return []int{1, 2, 3, 4, 5} }

// actions returns the form for a book, nil where there is none. Without script
// one comes back to an anchor of the page.
func (o ownBooks) actions(b catalog.Book, anchor string, whole bool) *bookActions {
	if !o.acts {
		return nil
	}
	return &bookActions{Book: b, Entry: o.byBook[b.ID], Back: o.here + "#" + anchor, Whole: whole}
}

// cards returns the cards of a list. Each is an anchor of its page.
func (o ownBooks) cards(books []catalog.Book) []card {
	list := make([]card, len(books))
	for i, b := range books {
		anchor := "book-" + strconv.FormatInt(b.ID, 10)
		list[i] = card{Book: b, Anchor: anchor, Actions: o.actions(b, anchor, false)}
	}
	return list
}

// shelfCards returns the cards of a shelf below an anchor: a book may well have
// left the shelf when one comes back.
func (o ownBooks) shelfCards(books []catalog.Book, anchor string) []card {
	list := make([]card, len(books))
	for i, b := range books {
		list[i] = card{Book: b, Actions: o.actions(b, anchor, false)}
	}
	return list
}

// history returns what a visitor has to do with books, for a page that is nothing
// without it.
func (s *shop) history(ctx context.Context, readerID, minVersion int64) (recommend.History, error) {
	history, err := s.Recommender.History(ctx, readerID, minVersion)
	if errors.Is(err, recommend.ErrUnavailable) {
		err = fmt.Errorf("%w: %w", errHistoryAway, err)
	}
	return history, err
}
