package page

import (
	"strconv"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
)

// card is a book in a row or a list.
type card struct {
	catalog.Book
	Reason string
	Rank   int // rank among bestsellers; 0 for none

	Anchor  string       // id of the element; "" for none
	Actions *bookActions // nil for none
}

// shelfView is a shelf on a page.
type shelfView struct {
	Cards  []card
	Source recommend.Source
}

// Fallback reports whether the page must say that recommendations are away.
func (v shelfView) Fallback() bool { return v.Source == recommend.Fallback }

// shelf looks up the books of a shelf. It leaves out those that the catalogue does
// not have: the model may be of an older or newer one.
func (p *Pages) shelf(answer recommend.Shelf, reason func(recommend.Shelf, recommend.Item) string, own ownBooks, anchor string) shelfView {
	v := shelfView{Source: answer.Source}
	for _, item := range answer.Items {
		if b, err := p.cfg.Catalog.Book(item.BookID); err == nil {
			c := own.card(b, anchor, false)
			c.Reason = reason(answer, item)
			v.Cards = append(v.Cards, c)
		}
	}
	return v
}

// bookActions is the form of a book: what the visitor did with it.
type bookActions struct {
	Book  catalog.Book
	Entry recommend.Entry
	Back  string // address to return to, as browsers ask for it
	Whole bool   // whether the form has stars and purchase, or only a like
}

// Widget is the kind of the form, for the script.
func (a bookActions) Widget() string {
	if a.Whole {
		return wholeWidget
	}
	return "like"
}

const (
	wholeWidget = "whole"
	mostStars   = 5
)

// actions returns the form of a book, nil where there is none. A browser without
// script returns to an anchor of the page.
func (o ownBooks) actions(b catalog.Book, anchor string, whole bool) *bookActions {
	if !o.canInteract {
		return nil
	}
	return &bookActions{Book: b, Entry: o.byBook[b.ID], Back: o.here + "#" + anchor, Whole: whole}
}

// card returns the card of a book. Its form returns to the anchor of its shelf, which
// the book may have left by then. Without a shelf the card is an anchor itself.
func (o ownBooks) card(b catalog.Book, shelf string, whole bool) card {
	if shelf != "" {
		return card{Book: b, Actions: o.actions(b, shelf, whole)}
	}
	anchor := "book-" + strconv.FormatInt(b.ID, 10)
	return card{Book: b, Anchor: anchor, Actions: o.actions(b, anchor, whole)}
}

func (o ownBooks) cards(books []catalog.Book, shelf string) []card {
	list := make([]card, len(books))
	for i, b := range books {
		list[i] = o.card(b, shelf, false)
	}
	return list
}
