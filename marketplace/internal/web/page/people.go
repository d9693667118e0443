package page

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/reply"
)

// Author is GET /authors/{name}: the books of somebody who made them, in whatever part.
func (p *Pages) Author(w http.ResponseWriter, r *http.Request, v Visitor) error {
	name, err := p.named(w, r, p.cfg.Catalog.Author, p.links.author)
	if name.Key == "" {
		return err
	}
	here := r.URL.RequestURI()
	v, own := p.waitOwnBooks(w, v, p.askOwnBooks(r.Context(), v, here))
	page := listPage{layout: p.layout(name.Text, here, v, own), bookList: p.list(r, catalog.Query{Author: name.Key}, r.URL.EscapedPath(), nil), Heading: name.Text}
	page.Books = own.cards(page.Found, "")
	for i := range page.Books {
		if roles := page.Books[i].RolesOf(name.Key); len(roles) > 0 && roles[0] != "" {
			page.Books[i].Reason = "As " + strings.Join(roles, ", ")
		}
	}
	p.index(&page.layout, &page.bookList)
	if name.Count == 0 {
		page.None, page.Unindexed = "There is no book of theirs in the shop at the moment.", true
	}
	if page.Canonical != "" {
		page.Data = linked(schemaPerson{Context: schemaOrg, Type: "Person", Name: name.Text, URL: page.Canonical})
	}
	return show(w, list(&page))
}

// named returns the name at an address. Other spellings of it are redirected to it; then, and
// if there is no such name, it returns none.
func (p *Pages) named(w http.ResponseWriter, r *http.Request, find func(key string) (catalog.Name, bool), address func(name string) string) (catalog.Name, error) {
	asked := r.PathValue("name")
	if name, ok := find(asked); ok {
		return name, nil
	}
	if _, ok := find(catalog.FoldName(asked)); !ok {
		return catalog.Name{}, problem.ErrNoSuchPage
	}
	reply.SendAgain(w, address(asked))
	return catalog.Name{}, nil
}

type seriesPage struct {
	layout
	Heading string
	Total   int
	Own     int    // number of books that the visitor liked, rated or bought
	Author  string // of all of them, as far as they have one; "" for several
	Volumes []volume
	Paging  paging
}

// volume is a book of a series.
type volume struct {
	card
	Number string
	Marks  string // what the visitor said of it
	Gap    string // names the places before it of which the shop has no books; "" for none
}

// Series is GET /series/{name}: the books of a series in their order.
func (p *Pages) Series(w http.ResponseWriter, r *http.Request, v Visitor) error {
	name, err := p.named(w, r, p.cfg.Catalog.Series, p.links.series)
	if name.Key == "" {
		return err
	}
	here := r.URL.RequestURI()
	v, own := p.waitOwnBooks(w, v, p.askOwnBooks(r.Context(), v, here))
	books := p.cfg.Catalog.List(catalog.Query{Series: name.Key, Limit: name.Count}).Books
	page := seriesPage{layout: p.layout(name.Text, here, v, own), Heading: name.Text, Total: len(books)}
	number := pageNumber(r.URL.Query().Get("page"), len(books))
	page.Paging = newPaging(number, pagesOf(len(books)), r.URL.EscapedPath(), nil)
	page.Canonical, page.Unindexed = p.cfg.PublicURL.To(page.Paging.Here), len(books) == 0
	cards := own.cards(books, "")
	page.Volumes = make([]volume, len(books))
	last := 0.0 // place of the book before
	for i, b := range books {
		_, place := b.SeriesAndNumber()
		page.Volumes[i] = volume{card: cards[i], Number: place, Marks: marksOf(own.byBook[b.ID])}
		if entry := own.byBook[b.ID]; entry.Own() {
			page.Own++
		}
		if from, to, ok := b.SeriesPlace(); ok {
			page.Volumes[i].Gap = gapBetween(last, from)
			last = max(last, to)
		}
		switch {
		case i == 0:
			page.Author = b.Author
		case page.Author != b.Author:
			page.Author = ""
		}
	}
	if page.Canonical != "" {
		page.Data = p.linkedSeries(&page)
	}
	first := (number - 1) * booksOnPage
	page.Volumes = page.Volumes[first:min(first+booksOnPage, len(books))]
	return show(w, series(&page))
}

// gapBetween names the whole numbers between two places in a series; "" for none, and for so
// many that the numbers are years or the like.
func gapBetween(last, next float64) string {
	const most = 20
	first, end := int(math.Floor(last))+1, int(math.Ceil(next))-1
	switch {
	case next > 1e6 || end < first || end-first >= most:
		return ""
	case end == first:
		return fmt.Sprintf("Number %d is not in this shop.", first)
	}
	return fmt.Sprintf("Numbers %d to %d are not in this shop.", first, end)
}

// marksOf tells a visitor what they said of a book, "" for nothing.
func marksOf(e recommend.Entry) string {
	var parts []string
	for _, part := range []struct {
		is   bool
		text string
	}{
		{e.Purchased, "You bought it"}, {e.Liked, "You like it"}, {e.Rating > 0, "You rated it " + strconv.Itoa(e.Rating) + " of 5"},
		{e.Wanted, "You want to read it"}, {e.Dismissed, "Not for you"},
	} {
		if part.is {
			parts = append(parts, part.text)
		}
	}
	return strings.Join(parts, " · ")
}

// summary says how many books a series has, and how many of them the visitor knows.
func (p *seriesPage) summary() string {
	if p.Total == 0 {
		return "There is no book of this series in the shop at the moment."
	}
	text := p.at.books(p.Total)
	if p.Total > 1 {
		text += " in order"
	}
	switch p.Own {
	case 0:
	case p.Total:
		text += ", all of which you liked, rated or bought"
	default:
		text += fmt.Sprintf(", %s of which you liked, rated or bought", p.at.count(int64(p.Own)))
	}
	if p.Paging.Last > 1 {
		text += fmt.Sprintf(" · page %d of %d", p.Paging.Page, p.Paging.Last)
	}
	return text
}

// schemaSeries is a series as search engines read it, by https://schema.org/BookSeries.
type schemaSeries struct {
	Context string        `json:"@context,omitempty"`
	Type    string        `json:"@type"`
	Name    string        `json:"name"`
	URL     string        `json:"url,omitempty"`
	Author  *schemaPerson `json:"author,omitempty"`
	Parts   []schemaPart  `json:"hasPart,omitempty"`
}

type schemaPart struct {
	Type     string `json:"@type"`
	Name     string `json:"name"`
	URL      string `json:"url"`
	Position string `json:"position,omitempty"`
}

// linkedSeries returns what search engines read of a series.
func (p *Pages) linkedSeries(page *seriesPage) templ.Component {
	s := schemaSeries{Context: schemaOrg, Type: "BookSeries", Name: page.Heading, URL: page.Canonical}
	if page.Author != "" {
		s.Author = &schemaPerson{Type: "Person", Name: page.Author, URL: p.publicAuthor(page.Author)}
	}
	for _, v := range page.Volumes {
		s.Parts = append(s.Parts, schemaPart{"Book", v.Title, p.cfg.PublicURL.To("/books/" + strconv.FormatInt(v.ID, 10)), v.Number})
	}
	return linked(s)
}
