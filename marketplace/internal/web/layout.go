package web

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
)

// layout is what every page shows around its own part.
type layout struct {
	Title      string // of the window
	Here       string // address, to come back to after switching reader
	Query      string // in the search box
	Category   string // slug that the page is about
	Categories []catalog.Category
	Shortcuts  []catalog.Category // the largest ones
	ReadingAs  string             // who the shop is shown as, in small
	Reading    string             // and what tells them apart from others
	Readers    []readerChoice
	Remembers  bool   // whether the shop remembers what readers do
	Yours      string // how many books the visitor has; "" for none, and when that is not known
	Sample     string // label of the sample reader; "" for the visitor
	Links      []link // of other packages, in the foot
	Reload     int    // seconds after which a browser without script loads the page anew; 0 for never
}

type link struct {
	Address, Text string
}

type readerChoice struct {
	Value, Label string
	Current      bool
}

const (
	shortcuts     = 6
	yourselfLabel = "Yourself"
)

func (s *shop) newLayout(title, here string, v visitor, own ownBooks) layout {
	l := layout{
		Title: title, Here: here, Categories: s.Catalog.Categories(), ReadingAs: "Reading as", Reading: yourselfLabel,
		Remembers: s.Catalog.Ready() && !s.Catalog.ReadOnly(), Sample: v.sample.Label,
	}
	for _, e := range s.Extras {
		if e.Link != "" {
			l.Links = append(l.Links, link{e.path(), e.Link})
		}
	}
	if len(own.entries) > 0 {
		l.Yours = strconv.Itoa(len(own.entries))
	}
	if label := v.sample.Label; label != "" {
		l.Reading = label
		if name, taste, ok := strings.Cut(label, ": "); ok { // room is short, and all names begin alike
			l.ReadingAs, l.Reading = "Reading as "+strings.ToLower(name[:1])+name[1:], taste
		}
	}
	largest := slices.SortedStableFunc(slices.Values(l.Categories), func(a, b catalog.Category) int { return cmp.Compare(b.Count, a.Count) })
	l.Shortcuts = largest[:min(shortcuts, len(largest))]
	samples := s.Catalog.Samples()
	if len(samples) == 0 {
		return l
	}
	l.Readers = append(l.Readers, readerChoice{yourself, yourselfLabel, v.sample.ID == 0})
	for _, sample := range samples {
		l.Readers = append(l.Readers, readerChoice{strconv.FormatInt(sample.ID, 10), sample.Label, sample.ID == v.sample.ID})
	}
	return l
}

// card is a book in a row or a list.
type card struct {
	catalog.Book
	Reason string
	Rank   int // its place among bestsellers; 0 for none

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

// newShelfView looks the books of a shelf up. One that the catalogue does not
// have, because it is a version older or newer, is left out.
func (s *shop) newShelfView(shelf recommend.Shelf, reason func(recommend.Shelf, recommend.Item) string, own ownBooks, anchor string) shelfView {
	v := shelfView{Source: shelf.Source}
	for _, item := range shelf.Items {
		if b, err := s.Catalog.Book(item.BookID); err == nil {
			v.Cards = append(v.Cards, card{Book: b, Reason: reason(shelf, item), Actions: own.actions(b, anchor, false)})
		}
	}
	return v
}
