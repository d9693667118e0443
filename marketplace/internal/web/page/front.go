package page

import (
	"context"
	"io"
	"net/http"
	"slices"

	"github.com/a-h/templ"

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
	v, answer, own := p.askShelf(w, r, v, "", "/", frontShelf)
	return show(w, front(p.front(v, answer, own)))
}

// front makes the page of what recommendations answered.
func (p *Pages) front(v Visitor, answer recommend.Shelf, own ownBooks) *frontPage {
	page := &frontPage{layout: p.layout("Books for you", "/", v, own), Shelf: p.liveShelf(answer, "", v, own)}
	page.Canonical = p.cfg.PublicURL.To("/")
	books := p.cfg.Catalog.Bestsellers("", frontBestsellers+frontShelf)
	if answer.Source != recommend.Personal { // the shelf shows the first of them already
		books = slices.DeleteFunc(books, func(b *catalog.Book) bool {
			return slices.ContainsFunc(page.Shelf.Cards, func(c card) bool { return c.ID == b.ID })
		})
	}
	page.Bestsellers = own.cards(books[:min(frontBestsellers, len(books))], "bestsellers")
	if answer.Source == recommend.Personal {
		for i := range page.Bestsellers {
			page.Bestsellers[i].Rank = i + 1
		}
	}
	return page
}

// browseOf shows the categories.
func browseOf(at *links, categories []catalog.Category) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		return at.tiles.write(w, struct{}{}, categories)
	})
}

func newTiles(at *links) *pieces[struct{}, []catalog.Category] {
	return newPieces(1<<16, slices.Equal, func(_ *pieces[struct{}, []catalog.Category], _ struct{}, categories []catalog.Category) templ.Component {
		return browse(at, categories)
	})
}
