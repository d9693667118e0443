package web

import (
	"net/http"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
)

const (
	frontShelf       = 13 // one stands out, the others fill rows of 6, 4, 3 or 2
	frontBestsellers = 12
)

type frontPage struct {
	layout
	Shelf       shelfView
	Featured    *card // the first of the shelf
	Rest        []card
	Sample      string // label of the sample reader; "" for the visitor
	Bestsellers []card
}

// front is GET /.
func (s *shop) front(w http.ResponseWriter, r *http.Request, v visitor) error {
	shelf, err := s.shelf(r.Context(), v.readerID(), "", frontShelf)
	if err != nil {
		return err
	}
	page := frontPage{
		layout: s.newLayout("Books for you", "/", v), Shelf: s.newShelfView(shelf, reason), Sample: v.sample.Label,
	}
	if len(page.Shelf.Cards) > 0 {
		page.Featured, page.Rest = &page.Shelf.Cards[0], page.Shelf.Cards[1:]
	}
	books := s.Catalog.Bestsellers("", frontBestsellers+frontShelf)
	if shelf.Source == recommend.Personal {
		page.Bestsellers = ranked(books, frontBestsellers)
	} else { // the shelf shows the very first of them already
		page.Bestsellers = others(books, page.Shelf.Cards, frontBestsellers)
	}
	return s.show(w, "front.html", page)
}

// ranked returns the first n books with their ranks.
func ranked(books []catalog.Book, n int) []card {
	list := cards(books[:min(n, len(books))])
	for i := range list {
		list[i].Rank = i + 1
	}
	return list
}

// others returns the first n books that are not shown yet.
func others(books []catalog.Book, shown []card, n int) []card {
	seen := map[int64]bool{}
	for _, c := range shown {
		seen[c.ID] = true
	}
	var list []card
	for _, b := range books {
		if !seen[b.ID] && len(list) < n {
			list = append(list, card{Book: b})
		}
	}
	return list
}
