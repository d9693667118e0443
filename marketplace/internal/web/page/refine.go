package page

import (
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/web/request"
)

// bookList is one page of a list, and how to sort and filter it.
type bookList struct {
	Total   int
	Instead string          // what was probably meant, and the books match; "" if they match the text
	Found   []*catalog.Book // on this page
	Paging  paging
	Refine  refinement
}

// refinement is the form that sorts and filters a list, and what it is filtered by.
type refinement struct {
	numerals   *numerals
	Action     string
	Query      catalog.Query
	Sorts      []choice
	Categories []choice // none if the list is that of a category
	Languages  []choice
	Facets     catalog.Facets
	Active     []activeFilter
	All        string // address of the list without its filters
	AllTotal   int    // number of books without them, if there are none with them
	LeftOut    []leftOutFilter
}

// leftOutFilter is a filter, or an order, that is asked for and cannot be used.
type leftOutFilter struct{ Label, Value string }

type choice struct {
	Value, Label string
	Current      bool
}

// activeFilter is one of the filters of a list.
type activeFilter struct {
	Label   string
	Without string // address of the list without it
	Total   int    // number of books without it, if there are none with it
}

// list returns the page of a list that a request asks for, or the nearest that exists. What is
// wrong in the request is as if it were missing, and the page says so. Values are those that belong to the address.
func (p *Pages) list(r *http.Request, q catalog.Query, address string, values url.Values) bookList {
	given := request.NewQuery(r, append(request.ListFields(), categoryField, "page", "q")...)
	listing := given.Listing(p.cfg.Catalog)
	l := bookList{Refine: refinement{numerals: p.links.numerals, Action: address, Facets: p.cfg.Catalog.Facets()}}
	values = maps.Clone(values)
	if values == nil {
		values = url.Values{}
	}
	own := q.Category != ""
	if slug := given.Value(categoryField); !own && p.cfg.Catalog.HasCategory(slug) {
		q.Category = slug
		values.Set(categoryField, slug)
	} else if !own && slug != "" {
		given.Fault(categoryField, "is none of the shop's")
	}
	maps.Copy(values, listing.Values())
	q.Sort, q.Filter = listing.Sort, listing.Filter
	q.Limit = booksOnPage
	asked := given.Value("page")
	const most = 1 << 20 // so that the offset fits an int
	q.Offset = (pageNumber(asked, most) - 1) * booksOnPage
	found := p.cfg.Catalog.List(q)
	number := pageNumber(asked, found.Total)
	if q.Offset > 0 && len(found.Books) == 0 {
		q.Offset = (number - 1) * booksOnPage
		found = p.cfg.Catalog.List(q)
	}
	l.Total, l.Instead, l.Found, l.Paging = found.Total, found.Instead, found.Books, newPaging(number, pagesOf(found.Total), address, values)
	l.Refine.Query = q
	l.Refine.leaveOut(given)
	l.Refine.choose(p.cfg.Catalog.Categories(), own)
	l.Refine.activate(p.cfg.Catalog, values, own, found.Total == 0)
	return l
}

const categoryField = "category"

// leaveOut notes the parameters that cannot be used. Others than those of lists are nobody's
// business: links get parameters on their way.
func (f *refinement) leaveOut(given *request.Query) {
	for _, field := range []struct{ name, label string }{
		{request.SortField, "sort by"}, {categoryField, "category"}, {request.LanguageField, "language"}, {request.AvailableField, "available"},
		{request.PriceFromField, "price from"}, {request.PriceToField, "price to"}, {request.YearFromField, "year from"}, {request.YearToField, "year to"},
	} {
		if given.Faulty(field.name) {
			const most = 40
			f.LeftOut = append(f.LeftOut, leftOutFilter{field.label, shortened(strings.ToValidUTF8(given.Value(field.name), "\uFFFD"), most)})
		}
	}
}

// choose fills the choices of the form.
func (f *refinement) choose(categories []catalog.Category, own bool) {
	first := choice{"", "Most loved", f.Query.Sort == catalog.ByMatch}
	if f.Query.Text != "" {
		f.Sorts = append(f.Sorts, choice{"", "Best match", f.Query.Sort == catalog.ByMatch})
		first = choice{string(catalog.ByPopularity), "Most loved", f.Query.Sort == catalog.ByPopularity}
	}
	f.Sorts = append(f.Sorts, first)
	if f.Facets.Added {
		f.Sorts = append(f.Sorts, choice{string(catalog.ByAdded), "Newest", f.Query.Sort == catalog.ByAdded})
	}
	if f.Facets.Currency != "" {
		f.Sorts = append(f.Sorts, choice{string(catalog.ByPrice), "Price", f.Query.Sort == catalog.ByPrice})
	}
	f.Sorts = append(f.Sorts, choice{string(catalog.ByTitle), "Title", f.Query.Sort == catalog.ByTitle})
	if !own {
		f.Categories = append(f.Categories, choice{"", "All categories", f.Query.Category == ""})
		for _, c := range categories {
			f.Categories = append(f.Categories, choice{c.Slug, c.Name, c.Slug == f.Query.Category})
		}
	}
	if len(f.Facets.Languages) > 1 {
		f.Languages = append(f.Languages, choice{"", "All languages", f.Query.Filter.Language == ""})
		for _, l := range f.Facets.Languages {
			f.Languages = append(f.Languages, choice{l.Code, formatLanguage(l.Code), l.Code == f.Query.Filter.Language})
		}
	}
}

// activate lists the filters, with the number of books without each if none is found.
func (f *refinement) activate(c *catalog.Catalog, values url.Values, own, nothing bool) {
	all := maps.Clone(values)
	add := func(label string, drop func(*catalog.Query), fields ...string) {
		rest, q := maps.Clone(values), f.Query
		for _, field := range fields {
			delete(rest, field)
			delete(all, field)
		}
		active := activeFilter{Label: label, Without: address(f.Action, rest)}
		if drop(&q); nothing {
			active.Total = c.List(q).Total
		}
		f.Active = append(f.Active, active)
	}
	filter := f.Query.Filter
	if f.Query.Category != "" && !own {
		add(catalog.CategoryName(f.Query.Category), func(q *catalog.Query) { q.Category = "" }, categoryField)
	}
	if filter.Language != "" {
		add(formatLanguage(filter.Language), func(q *catalog.Query) { q.Filter.Language = "" }, request.LanguageField)
	}
	if filter.Available {
		add("Available", func(q *catalog.Query) { q.Filter.Available = false }, request.AvailableField)
	}
	if filter.PriceFrom != "" || filter.PriceTo != "" {
		price := func(amount string) string {
			return f.numerals.price(&catalog.Book{Price: amount, Currency: f.Facets.Currency})
		}
		add(between(price(filter.PriceFrom), price(filter.PriceTo)), func(q *catalog.Query) { q.Filter.PriceFrom, q.Filter.PriceTo = "", "" },
			request.PriceFromField, request.PriceToField)
	}
	if filter.YearFrom != 0 || filter.YearTo != 0 {
		year := func(year int) string {
			if year == 0 {
				return ""
			}
			return formatYear(year)
		}
		add(between(year(filter.YearFrom), year(filter.YearTo)), func(q *catalog.Query) { q.Filter.YearFrom, q.Filter.YearTo = 0, 0 },
			request.YearFromField, request.YearToField)
	}
	f.All = address(f.Action, all)
	if len(f.Active) > 0 && nothing {
		q := f.Query
		if q.Filter = (catalog.Filter{}); !own {
			q.Category = ""
		}
		f.AllTotal = c.List(q).Total
	}
}

// between names a range, of which one end may be "".
func between(from, to string) string {
	switch {
	case to == "":
		return "From " + from
	case from == "":
		return "Up to " + to
	}
	return from + " to " + to
}

// address returns an address with its query.
func address(path string, values url.Values) string {
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

// worth reports whether a list is long enough for the form.
func (l *bookList) worth() bool {
	const few = 6
	return l.Total > few || l.Refine.Refined()
}

// Filters reports whether there is anything to filter by.
func (f *refinement) Filters() bool {
	return len(f.Categories)+len(f.Languages) > 0 || f.Facets.Currency != "" || f.Facets.Years || f.Facets.Unavailable
}

// Refined reports whether the list is not as it is without the form.
func (f *refinement) Refined() bool {
	return len(f.Active) > 0 || f.Query.Sort != catalog.ByMatch
}

// order says how a list without a text is sorted.
func (f *refinement) order() string {
	switch f.Query.Sort {
	case catalog.ByPrice:
		return "cheapest first"
	case catalog.ByAdded:
		return "newest in the shop first"
	case catalog.ByTitle:
		return "by title"
	default:
		return "most loved first"
	}
}

// boundYear writes a bound of the years, "" for none.
func boundYear(year int) string {
	if year == 0 {
		return ""
	}
	return strconv.Itoa(year)
}
