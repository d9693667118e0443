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
	bookList
	Heading string
	Shelf   *liveView // the reader's own, on the first page of a category
	Books   []card
	None    string // says that there are no books, whatever they are filtered by; "" if there are some
}

// AllBooks is GET /books.
func (p *Pages) AllBooks(w http.ResponseWriter, r *http.Request, v Visitor) error {
	here := r.URL.RequestURI()
	v, own := p.waitOwnBooks(w, v, p.askOwnBooks(r.Context(), v, here))
	page := listPage{layout: p.layout("All books", here, v, own), bookList: p.list(r, catalog.Query{}, "/books", nil), Heading: "All books"}
	page.Books = own.cards(page.Found, "")
	p.index(&page.layout, &page.bookList)
	return show(w, list(&page))
}

// Category is GET /categories/{slug}.
func (p *Pages) Category(w http.ResponseWriter, r *http.Request, v Visitor) error {
	slug := r.PathValue("slug")
	if !p.cfg.Catalog.HasCategory(slug) {
		return problem.ErrNoSuchCategory
	}
	name, here := catalog.CategoryName(slug), r.URL.RequestURI()
	found := p.list(r, catalog.Query{Category: slug}, "/categories/"+slug, nil)
	whole := found.Paging.Page == 1 && !found.Refine.Refined()
	var answer recommend.Shelf
	var own ownBooks
	if whole {
		v, answer, own = p.askShelf(w, r, v, slug, here, categoryShelf)
	} else {
		v, own = p.waitOwnBooks(w, v, p.askOwnBooks(r.Context(), v, here))
	}
	page := listPage{layout: p.layout(name, here, v, own), bookList: found, Heading: name, Books: own.cards(found.Found, "")}
	page.Category = slug
	p.index(&page.layout, &page.bookList)
	if whole {
		live := p.liveShelf(answer, slug, v, own)
		page.Shelf = &live
	}
	return show(w, list(&page))
}

// index tells search engines which page a list is. However it is sorted it has the same books, and
// with a filter some of them.
func (p *Pages) index(l *layout, list *bookList) {
	here := list.Paging.Here
	if list.Refine.Refined() {
		here = list.Refine.Action
	}
	l.Canonical = p.cfg.PublicURL.To(here)
	l.Unindexed = len(list.Refine.Active) > 0
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

// pageNumber returns the number of a page of a list of so many books: what is asked for, or the nearest.
func pageNumber(asked string, total int) int {
	number, _ := strconv.Atoi(asked) // 0 if it is not a number
	return min(max(number, 1), pagesOf(total))
}

func pagesOf(total int) int { return max((total+booksOnPage-1)/booksOnPage, 1) }

// newPaging links the first, the last and the neighbouring pages.
func newPaging(page, last int, path string, values url.Values) paging {
	link := func(n int) string {
		query := url.Values{}
		maps.Copy(query, values)
		if n > 1 {
			query.Set("page", strconv.Itoa(n))
		}
		return address(path, query)
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

// summary says how many books a list has, in which order, and which of its pages this is.
func (l *bookList) summary() string {
	text := l.Refine.numerals.books(l.Total)
	if l.Total > 1 {
		text += ", " + l.Refine.order()
	}
	if l.Paging.Last > 1 {
		text += fmt.Sprintf(" · page %d of %d", l.Paging.Page, l.Paging.Last)
	}
	return text
}
