package page

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/reply"
)

// mostNew is the number of books in the feed.
const mostNew = 50

// atomFeed is a feed by RFC 4287.
type atomFeed struct {
	XMLName  xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Language string      `xml:"http://www.w3.org/XML/1998/namespace lang,attr"`
	ID       string      `xml:"id"`
	Title    string      `xml:"title"`
	Updated  string      `xml:"updated"`
	Author   atomPerson  `xml:"author"` // of books without one
	Links    []atomLink  `xml:"link"`
	Entries  []atomEntry `xml:"entry"`
}

type atomEntry struct {
	Language   string         `xml:"http://www.w3.org/XML/1998/namespace lang,attr,omitempty"`
	ID         string         `xml:"id"`
	Title      string         `xml:"title"`
	Updated    string         `xml:"updated"`
	Published  string         `xml:"published"`
	Authors    []atomPerson   `xml:"author"`
	Link       atomLink       `xml:"link"`
	Categories []atomCategory `xml:"category"`
	Summary    string         `xml:"summary,omitempty"`
}

type atomPerson struct {
	Name string `xml:"name"`
	URI  string `xml:"uri,omitempty"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr"`
	Href string `xml:"href,attr"`
}

type atomCategory struct {
	Term  string `xml:"term,attr"`
	Label string `xml:"label,attr"`
}

// feed returns the URL of the feed; "" if there is none, because the public URL is not known or no
// book has a time.
func (p *Pages) feed() string {
	if !p.cfg.Catalog.Facets().Added {
		return ""
	}
	return p.cfg.PublicURL.To(FeedPath)
}

// Feed is GET /new.atom: the books that came last.
func (p *Pages) Feed(w http.ResponseWriter, r *http.Request) error {
	here := p.feed()
	books := p.cfg.Catalog.List(catalog.Query{Sort: catalog.ByAdded, Limit: mostNew}).Books
	books = slices.DeleteFunc(books, func(b *catalog.Book) bool { return b.Added.IsZero() })
	if here == "" || len(books) == 0 {
		return problem.ErrNoSuchPage
	}
	const page = "text/html"
	latest := books[0].Added
	feed := atomFeed{
		Language: p.cfg.Face.Sentences().String(), ID: here, Title: "New books · " + p.cfg.Face.Name, Updated: latest.UTC().Format(time.RFC3339),
		Author: atomPerson{p.cfg.Face.Name, p.cfg.PublicURL.To("/")},
		Links:  []atomLink{{"self", "application/atom+xml", here}, {"alternate", page, p.cfg.PublicURL.To("/books?sort=" + string(catalog.ByAdded))}},
	}
	for _, b := range books {
		address, added := p.cfg.PublicURL.To("/books/"+strconv.FormatInt(b.ID, 10)), b.Added.UTC().Format(time.RFC3339)
		entry := atomEntry{
			Language: b.Language, ID: address, Title: b.Title, Updated: added, Published: added, Link: atomLink{"alternate", page, address}, Summary: b.Description,
		}
		authors, _ := authorsOf(b)
		for _, name := range authors {
			entry.Authors = append(entry.Authors, atomPerson{name, p.publicAuthor(name)})
		}
		for _, slug := range b.Categories {
			entry.Categories = append(entry.Categories, atomCategory{slug, catalog.CategoryName(slug)})
		}
		feed.Entries = append(feed.Entries, entry)
	}
	text, err := xml.Marshal(feed)
	if err != nil {
		return fmt.Errorf("feed: %w", err)
	}
	w.Header().Set("Last-Modified", latest.UTC().Format(http.TimeFormat))
	if since, err := http.ParseTime(r.Header.Get("If-Modified-Since")); err == nil && r.Header.Get("If-None-Match") == "" && !latest.Truncate(time.Second).After(since) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	reply.NewFile("application/atom+xml; charset=utf-8", append([]byte(xml.Header), text...)).Serve(w, r, "public, max-age=600")
	return nil
}
