package page

import (
	"net/http"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
)

const (
	frontShelf       = 13 // a large one, and rows of 6, 4, 3 or 2
	frontBestsellers = 12
)

type frontPage struct {
	layout
	Shelf       liveView
	Bestsellers []card
}

// Front is GET /.
func (p *Pages) Front(w http.ResponseWriter, r *http.Request, v Visitor) error {
	wait := p.askOwnBooks(r.Context(), v, "/")
	answer := p.Shelves.Count(p.Recommender.Shelf(r.Context(), v.shelfQuery("", frontShelf)))
	own := wait()
	page := frontPage{layout: p.view.layout("Books for you", "/", v, own), Shelf: p.view.liveShelf(answer, "", v, own)}
	books := p.Catalog.Bestsellers("", frontBestsellers+frontShelf)
	if answer.Source == recommend.Personal {
		page.Bestsellers = ranked(own, books, frontBestsellers)
	} else { // the shelf shows the first of them already
		page.Bestsellers = own.shelfCards(others(books, page.Shelf.Cards, frontBestsellers), "bestsellers")
	}
	return p.view.show(w, "front.html", page)
}

// ranked returns the first n books with their ranks.
func ranked(own ownBooks, books []catalog.Book, n int) []card {
	list := own.shelfCards(books[:min(n, len(books))], "bestsellers")
	for i := range list {
		list[i].Rank = i + 1
	}
	return list
}

// others returns the first n books that are not shown yet.
func others(books []catalog.Book, shown []card, n int) []catalog.Book {
	seen := map[int64]bool{}
	for _, c := range shown {
		seen[c.ID] = true
	}
	var list []catalog.Book
	for _, b := range books {
		if !seen[b.ID] && len(list) < n {
			list = append(list, b)
		}
	}
	return list
}
