package page

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/web/problem"
)

const categoryShelf = 6

type listPage struct {
	layout
	Heading string
	Total   int
	Shelf   *liveView // the reader's own, on the first page of a category
	Books   []card
	Paging  paging
}

// AllBooks is GET /books.
func (p *Pages) AllBooks(w http.ResponseWriter, r *http.Request, v Visitor) error {
	here := r.URL.RequestURI()
	v, own := p.waitOwnBooks(w, v, p.askOwnBooks(r.Context(), v, here))
	found, paging := p.list(r, catalog.Query{}, "/books", nil)
	page := listPage{
		layout: p.layout("All books", here, v, own), Heading: "All books",
		Total: found.Total, Books: own.cards(found.Books, ""), Paging: paging,
	}
	page.Canonical = p.cfg.PublicURL.To(paging.Here)
	return show(w, list(&page))
}

// Category is GET /categories/{slug}.
func (p *Pages) Category(w http.ResponseWriter, r *http.Request, v Visitor) error {
	slug := r.PathValue("slug")
	if !p.cfg.Catalog.HasCategory(slug) {
		return problem.ErrNoSuchCategory
	}
	name, here := catalog.CategoryName(slug), r.URL.RequestURI()
	found, paging := p.list(r, catalog.Query{Category: slug}, "/categories/"+slug, nil)
	var answer recommend.Shelf
	var own ownBooks
	if paging.Page == 1 {
		v, answer, own = p.askShelf(w, r, v, slug, here, categoryShelf)
	} else {
		v, own = p.waitOwnBooks(w, v, p.askOwnBooks(r.Context(), v, here))
	}
	page := listPage{
		layout: p.layout(name, here, v, own), Heading: name,
		Total: found.Total, Books: own.cards(found.Books, ""), Paging: paging,
	}
	page.Category, page.Canonical = slug, p.cfg.PublicURL.To(paging.Here)
	if paging.Page == 1 {
		live := p.liveShelf(answer, slug, v, own)
		page.Shelf = &live
	}
	return show(w, list(&page))
}

// booksOnPage divides by 2, 3, 4 and 6, the usual numbers of columns.
const booksOnPage = 24

// paging leads through a long list.
type paging struct {
	Page, Last     int
	Here           string // address of this page
	Previous, Next string // addresses; "" at the ends
	Links          []pageLink
}

type pageLink struct {
	Page int // 0 for a gap
	URL  string
}

// list returns one page of what a query finds: the one that the request asks for, or
// the nearest that exists.
func (p *Pages) list(r *http.Request, q catalog.Query, address string, values url.Values) (catalog.Page, paging) {
	const most = 1 << 20                                 // so that the offset fits an int
	number, _ := strconv.Atoi(r.URL.Query().Get("page")) // 0 if it is not a number
	number = min(max(number, 1), most)
	q.Offset, q.Limit = (number-1)*booksOnPage, booksOnPage
	found := p.cfg.Catalog.List(q)
	last := max((found.Total+booksOnPage-1)/booksOnPage, 1)
	if number > last {
		number = last
		q.Offset = (number - 1) * booksOnPage
		found = p.cfg.Catalog.List(q)
	}
	return found, newPaging(number, last, address, values)
}

// newPaging links the first, the last and the neighbouring pages.
func newPaging(page, last int, address string, values url.Values) paging {
	link := func(n int) string {
		query := url.Values{}
		maps.Copy(query, values)
		if n > 1 {
			query.Set("page", strconv.Itoa(n))
		}
		if len(query) == 0 {
			return address
		}
		return address + "?" + query.Encode()
	}
	p := paging{Page: page, Last: last, Here: link(page)}
	if page > 1 {
		p.Previous = link(page - 1)
	}
	if page < last {
		p.Next = link(page + 1)
	}
	before := 0
	for n := 1; n <= last; n++ {
		if n != 1 && n != last && (n < page-1 || n > page+1) {
			continue
		}
		if n > before+1 {
			p.Links = append(p.Links, pageLink{})
		}
		p.Links = append(p.Links, pageLink{n, link(n)})
		before = n
	}
	return p
}

// summary says how many books a list has, and which of its pages this is.
func (p *listPage) summary() string {
	text := countBooks(p.Total) + ", most loved first"
	if p.Paging.Last > 1 {
		text += fmt.Sprintf(" · page %d of %d", p.Paging.Page, p.Paging.Last)
	}
	return text
}
