package page

import (
	"context"
	"io"
	"strconv"

	"github.com/a-h/templ"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
)

// card is a book in a row or a list.
type card struct {
	*catalog.Book
	Reason string
	// Explained says that the reason is of the reader's own books, and so has a page.
	Explained bool
	Rank      int // rank among bestsellers; 0 for none

	Anchor  string       // id of the element; "" for none
	Actions *bookActions // nil for none
	form    bookActions  // what Actions points to in a list, so that there is one allocation for all
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
	books := make([]*catalog.Book, 0, len(answer.Items))
	for _, item := range answer.Items {
		if b := p.cfg.Catalog.Find(item.BookID); b != nil {
			books = append(books, b)
		}
	}
	v := shelfView{Source: answer.Source, Cards: own.cards(books, anchor)}
	rest := v.Cards // without those that have their reason
	for _, item := range answer.Items {
		if len(rest) > 0 && rest[0].ID == item.BookID {
			rest[0].Reason, rest[0].Explained = reason(answer, item), answer.Source == recommend.Personal && item.BecauseID != 0
			rest = rest[1:]
		}
	}
	return v
}

// bookActions is the form of a book: what the visitor did with it.
type bookActions struct {
	Book  *catalog.Book
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
	return &bookActions{Book: &b, Entry: o.byBook[b.ID], Back: o.here + "#" + anchor, Whole: whole}
}

// cards returns the cards of books. Their forms return to the anchor of their shelf, which
// a book may have left by then. Without a shelf each card is an anchor itself.
func (o ownBooks) cards(books []*catalog.Book, shelf string) []card {
	return o.cardsWith(books, shelf, false)
}

// cardsWith returns cards with whole forms, or with those that have only a like.
func (o ownBooks) cardsWith(books []*catalog.Book, shelf string, whole bool) []card {
	list := make([]card, len(books))
	back := o.here + "#" + shelf
	for i, b := range books {
		c := &list[i]
		c.Book = b
		if shelf == "" {
			c.Anchor = "book-" + strconv.FormatInt(b.ID, 10)
		}
		if o.canInteract {
			c.Actions = &c.form
			*c.Actions = bookActions{Book: b, Entry: o.byBook[b.ID], Back: back, Whole: whole}
			if c.Anchor != "" {
				c.Actions.Back += c.Anchor
			}
		}
	}
	return list
}

// cardKind is one of the templates for a card.
type cardKind int

const (
	onShelf cardKind = iota
	inFront
	amongBestsellers
	amongOwn
)

// Gaps of cards.
const (
	reasonGap gap = iota
	anchorGap
	backGap
)

// cardKey tells the cards of a book apart.
type cardKey struct {
	kind                    cardKind
	book                    int64
	rank                    int
	reason, anchored, whole bool
	explained               bool
	acts                    bool // whether there is a form
	entry                   recommend.Entry
}

// cardFrom is what cards are made from, besides their key.
type cardFrom struct {
	book    catalog.Book
	picture string // hash of its cover; "" for the drawn one
}

func sameBook(a, b cardFrom) bool { return a.picture == b.picture && a.book.Equal(&b.book) }

// cardsOf shows books.
func cardsOf(at *links, kind cardKind, cards []card) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		for i := range cards {
			if err := writeCard(w, at, kind, &cards[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func writeCard(w io.Writer, at *links, kind cardKind, c *card) error {
	key := cardKey{kind: kind, book: c.ID, rank: c.Rank, reason: c.Reason != "", explained: c.Explained, anchored: c.Anchor != ""}
	back := ""
	if c.Actions != nil {
		key.acts, key.whole, key.entry, back = true, c.Actions.Whole, c.Actions.Entry, c.Actions.Back
	}
	from := cardFrom{book: *c.Book} // what is kept must not keep a whole catalogue in memory
	from.picture, _ = at.covers.Of(from.book)
	return at.cards.write(w, key, from, c.Reason, c.Anchor, back)
}

// newCards returns the pieces that are cards.
func newCards(at *links) *pieces[cardKey, cardFrom] {
	const most = 4 << 20 // some 1,500 cards
	return newPieces(most, sameBook, func(p *pieces[cardKey, cardFrom], key cardKey, from cardFrom) templ.Component {
		c := card{Book: &from.book, Rank: key.rank, Explained: key.explained}
		if key.reason {
			c.Reason = p.gap(reasonGap)
		}
		if key.anchored {
			c.Anchor = p.gap(anchorGap)
		}
		if key.acts {
			c.Actions = &bookActions{Book: c.Book, Entry: key.entry, Back: p.gap(backGap), Whole: key.whole}
		}
		return key.kind.template(at, &c)
	})
}

func (k cardKind) template(at *links, c *card) templ.Component {
	switch k {
	case inFront:
		return featured(at, c)
	case amongBestsellers:
		return ranked(at, c)
	case amongOwn:
		return mine(at, c)
	default:
		return cardOf(at, c)
	}
}
