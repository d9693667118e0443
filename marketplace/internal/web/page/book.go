package page

import (
	"math"
	"net/http"
	"slices"
	"strconv"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/web/request"
)

const similarBooks = 6

type bookPage struct {
	layout
	Book    catalog.Book
	Similar shelfView   // books that readers of this one like, or bestsellers
	More    []moreShelf // where those are few
	Undo    *dismissal  // nil unless another book was dismissed last
	Actions *bookActions
}

// moreShelf has books for which no reader speaks.
type moreShelf struct {
	Anchor, Heading string
	Cards           []card
}

// Book is GET /books/{id}.
func (p *Pages) Book(w http.ResponseWriter, r *http.Request, v Visitor) error {
	b, err := p.bookOf(r)
	if err != nil {
		return err
	}
	here := r.URL.RequestURI()
	wait := p.askOwnBooks(r.Context(), v, here)
	similar := p.cfg.Shelves.Count(p.cfg.Recommender.Similar(r.Context(), b, v.similarQuery(similarBooks)))
	v, own := p.waitOwnBooks(w, v, wait)
	if similar.Source == recommend.Similar { // where readers are few, recommendations adds bestsellers
		similar.Items = slices.DeleteFunc(slices.Clone(similar.Items), func(i recommend.Item) bool { return i.Score <= 0 })
	}
	noReason := func(recommend.Shelf, recommend.Item) string { return "" } // the heading has it
	title := b.Title
	if b.Author != "" {
		title += " by " + b.Author
	}
	page := bookPage{
		layout: p.layout(title, here, v, own), Book: b,
		Similar: p.shelf(similar, noReason, own, "similar"), Actions: own.actions(b, "yours", true),
	}
	page.Category = b.Categories[0]
	if own.latest.BookID != b.ID { // its own form shows it
		page.Undo = p.undo(own, "similar")
	}
	if similar.Source == recommend.Similar {
		page.More = p.more(b, page.Similar.Cards, own)
	}
	page.Canonical = p.cfg.PublicURL.To("/books/" + strconv.FormatInt(b.ID, 10))
	page.About = b.Description
	if !p.cfg.PublicURL.IsZero() {
		page.Image = p.cfg.PublicURL.Origin() + p.links.cover(&b).src
		page.Data = p.linkedData(&b, page.Canonical, page.Image)
	}
	return show(w, book(&page))
}

// more returns books by the author and of the main category of a book, as many as are
// missing beside those that its readers like.
func (p *Pages) more(b catalog.Book, liked []card, own ownBooks) []moreShelf {
	shown := map[int64]bool{b.ID: true}
	for _, c := range liked {
		shown[c.ID] = true
	}
	var list []moreShelf
	add := func(anchor, heading string, books []*catalog.Book) {
		books = slices.DeleteFunc(books, func(other *catalog.Book) bool { return shown[other.ID] || own.byBook[other.ID].Dismissed })
		books = books[:min(len(books), max(0, similarBooks+1-len(shown)))]
		if len(books) == 0 {
			return
		}
		for _, other := range books {
			shown[other.ID] = true
		}
		list = append(list, moreShelf{anchor, heading, own.cards(books, anchor)})
	}
	if key := catalog.FoldName(b.Author); key != "" {
		add("author", "More by "+b.Author, p.cfg.Catalog.List(catalog.Query{Author: key, Limit: 2 * similarBooks}).Books)
	}
	add("category", "More in "+catalog.CategoryName(b.Categories[0]), p.cfg.Catalog.Bestsellers(b.Categories[0], 3*similarBooks))
	return list
}

// bookOf returns the book whose id is in the path.
func (p *Pages) bookOf(r *http.Request) (catalog.Book, error) {
	id, ok := request.WholeNumber(r.PathValue("id"), 1, math.MaxInt64)
	if !ok {
		return catalog.Book{}, catalog.ErrBookNotFound
	}
	return p.cfg.Catalog.Book(id)
}
