package page

import (
	"net/http"
	"net/url"
	"strconv"

	"bookstall/marketplace/internal/catalog"
)

// booksOnPage divides by 2, 3, 4 and 6, the usual numbers of columns.
const booksOnPage = 24

// paging leads through a long list.
type paging struct {
	Page, Last     int
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
	found := p.Catalog.List(q)
	last := max((found.Total+booksOnPage-1)/booksOnPage, 1)
	if number > last {
		number = last
		q.Offset = (number - 1) * booksOnPage
		found = p.Catalog.List(q)
	}
	return found, newPaging(number, last, address, values)
}

// newPaging links the first, the last and the neighbouring pages.
func newPaging(page, last int, address string, values url.Values) paging {
	link := func(n int) string {
		query := url.Values{}
		for name, value := range values {
			query[name] = value
		}
		if n > 1 {
			query.Set("page", strconv.Itoa(n))
		}
		if len(query) == 0 {
			return address
		}
		return address + "?" + query.Encode()
	}
	p := paging{Page: page, Last: last}
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
