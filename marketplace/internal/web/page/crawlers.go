package page

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/a-h/templ"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/reply"
	"bookstall/marketplace/internal/web/request"
)

// Robots is GET /robots.txt: what search engines may look at. Searches and what readers do are
// no pages of their own.
func (p *Pages) Robots(w http.ResponseWriter, _ *http.Request) error {
	text := "User-agent: *\n"
	for _, address := range []string{"/search", SuggestPath, YourBooksPath, EventsPath, InteractionsPath, ReaderPath, "/api/"} {
		text += "Disallow: " + p.to(address) + "\n"
	}
	if !p.cfg.PublicURL.IsZero() {
		text += "\nSitemap: " + p.cfg.PublicURL.To("/sitemap.xml") + "\n"
	}
	w.Header().Set("Cache-Control", "public, max-age=3600")
	reply.Send(w, http.StatusOK, "text/plain; charset=utf-8", []byte(text))
	return nil
}

// sitemapSize is the number of books, authors and series in one sitemap: few enough that nobody who asks for one costs much.
const sitemapSize = 5000

// mapped is an address in a sitemap or in their index.
type mapped struct {
	Loc string `xml:"loc"`
}

// Sitemap is GET /sitemap.xml: the index of all sitemaps. There are none if the public URL is
// not known, as they have whole URLs.
func (p *Pages) Sitemap(w http.ResponseWriter, _ *http.Request) error {
	if p.cfg.PublicURL.IsZero() {
		return problem.ErrNoSuchPage
	}
	index := struct {
		XMLName xml.Name `xml:"http://www.sitemaps.org/schemas/sitemap/0.9 sitemapindex"`
		List    []mapped `xml:"sitemap"`
	}{}
	for n := range p.sitemaps() {
		index.List = append(index.List, mapped{p.cfg.PublicURL.To("/sitemaps/" + strconv.Itoa(n+1))})
	}
	return sendXML(w, index)
}

// SitemapPart is GET /sitemaps/{number}: some books, authors and series, and in the first one the
// front page, the lists and the owner's pages.
func (p *Pages) SitemapPart(w http.ResponseWriter, r *http.Request) error {
	number, ok := request.WholeNumber(r.PathValue("number"), 1, int64(p.sitemaps()))
	if !ok || p.cfg.PublicURL.IsZero() {
		return problem.ErrNoSuchPage
	}
	set := struct {
		XMLName xml.Name `xml:"http://www.sitemaps.org/schemas/sitemap/0.9 urlset"`
		List    []mapped `xml:"url"`
	}{}
	add := func(address string) { set.List = append(set.List, mapped{p.cfg.PublicURL.To(address)}) }
	if number == 1 {
		add("/")
		add("/books")
		for _, c := range p.cfg.Catalog.Categories() {
			add("/categories/" + c.Slug)
		}
		for i := range p.cfg.Face.Pages {
			add(OwnersPath + p.cfg.Face.Pages[i].Slug)
		}
	}
	first := int(number-1) * sitemapSize
	books := p.cfg.Catalog.List(catalog.Query{Offset: first, Limit: sitemapSize})
	for _, b := range books.Books {
		add("/books/" + strconv.FormatInt(b.ID, 10))
	}
	first = max(0, first-books.Total) // among the names, which come after the books
	room := sitemapSize - len(books.Books)
	for _, kind := range []struct {
		path  string
		names []catalog.Name
	}{{authorsPath, p.cfg.Catalog.Authors()}, {seriesPath, p.cfg.Catalog.AllSeries()}} {
		some := kind.names[min(first, len(kind.names)):]
		some = some[:min(room, len(some))]
		for _, name := range some {
			add(kind.path + url.PathEscape(name.Key))
		}
		first, room = max(0, first-len(kind.names)), room-len(some)
	}
	return sendXML(w, set)
}

// sitemaps returns the number of sitemaps.
func (p *Pages) sitemaps() int {
	books := p.cfg.Catalog.List(catalog.Query{Limit: 1}).Total
	names := len(p.cfg.Catalog.Authors()) + len(p.cfg.Catalog.AllSeries())
	return (books + names + sitemapSize - 1) / sitemapSize
}

func sendXML(w http.ResponseWriter, value any) error {
	text, err := xml.Marshal(value)
	if err != nil {
		return fmt.Errorf("sitemap: %w", err)
	}
	w.Header().Set("Cache-Control", "public, max-age=3600")
	reply.Send(w, http.StatusOK, "application/xml", append([]byte(xml.Header), text...))
	return nil
}

// schemaBook is a book as search engines read it, by https://schema.org/Book.
type schemaBook struct {
	Context     string         `json:"@context,omitempty"`
	Type        string         `json:"@type"`
	URL         string         `json:"url"`
	Name        string         `json:"name"`
	Authors     []schemaPerson `json:"author,omitempty"`
	Image       string         `json:"image"`
	Description string         `json:"description,omitempty"`
	Genres      []string       `json:"genre"`
	ISBN        string         `json:"isbn,omitempty"`
	Language    string         `json:"inLanguage,omitempty"`
	Pages       int            `json:"numberOfPages,omitempty"`
	Published   string         `json:"datePublished,omitempty"`
	Publisher   *schemaPerson  `json:"publisher,omitempty"`
	Series      *schemaSeries  `json:"isPartOf,omitempty"`
	Position    string         `json:"position,omitempty"` // in the series
	Offer       *schemaOffer   `json:"offers,omitempty"`
}

// schemaPerson is a person or an organization.
type schemaPerson struct {
	Context string `json:"@context,omitempty"`
	Type    string `json:"@type"`
	Name    string `json:"name"`
	URL     string `json:"url,omitempty"`
}

const schemaOrg = "https://schema.org"

type schemaOffer struct {
	Type         string `json:"@type"`
	URL          string `json:"url"`
	Price        string `json:"price"`
	Currency     string `json:"priceCurrency"`
	Availability string `json:"availability"`
}

// linkedData returns what search engines read of a book.
func (p *Pages) linkedData(b *catalog.Book, address, image string) templ.Component {
	s := schemaBook{
		Context: schemaOrg, Type: "Book", URL: address, Name: b.Title, Image: image, Description: b.Description, ISBN: b.ISBN,
		Language: b.Language, Pages: b.Pages,
	}
	authors, _ := authorsOf(b)
	for _, name := range authors {
		s.Authors = append(s.Authors, schemaPerson{Type: "Person", Name: name, URL: p.publicAuthor(name)})
	}
	for _, slug := range b.Categories {
		s.Genres = append(s.Genres, catalog.CategoryName(slug))
	}
	if b.Year > 0 {
		s.Published = fmt.Sprintf("%04d", b.Year)
	}
	if name, number := b.SeriesAndNumber(); name != "" {
		s.Series = &schemaSeries{Type: "BookSeries", Name: name}
		if key := catalog.FoldName(name); key != "" {
			s.Series.URL = p.cfg.PublicURL.To(seriesPath + url.PathEscape(key))
		}
		s.Position = number
	}
	if b.Publisher != "" {
		s.Publisher = &schemaPerson{Type: "Organization", Name: b.Publisher}
	}
	if b.Price != "" {
		s.Offer = &schemaOffer{"Offer", address, b.Price, b.Currency, "https://schema.org/OutOfStock"}
		if b.CanBeBought() && !b.Hidden {
			s.Offer.Availability = "https://schema.org/InStock"
		}
	}
	return linked(s)
}

// linked writes what search engines read of a page.
func linked(data any) templ.Component {
	return templ.JSONScript("", data).WithType("application/ld+json")
}

// publicAuthor returns the URL of an author's page; "" for none.
func (p *Pages) publicAuthor(name string) string {
	key := catalog.FoldName(name)
	if key == "" {
		return ""
	}
	return p.cfg.PublicURL.To(authorsPath + url.PathEscape(key))
}
