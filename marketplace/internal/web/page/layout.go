package page

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/storefront"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/reply"
)

// layout is what every page shows around its own part.
type layout struct {
	at         *links
	face       *storefront.Face
	Title      string          // title of the window
	Here       string          // address to return to after switching reader
	About      string          // what the page is about, for search engines; "" for what the shop is about
	Image      string          // URL of the picture of a book
	Data       templ.Component // what search engines read of a book, an author or a series; nil for none
	Feed       string          // URL of the feed of new books; "" for none
	Canonical  string          // URL of a page for everybody, for search engines; "" if not known
	Unindexed  bool            // whether search engines should leave the page out
	Query      string          // text in the search box
	Category   string          // slug of the category that the page is about
	Categories []catalog.Category
	Shortcuts  []catalog.Category // the largest ones, as far as the links of the owner leave room
	ReadingAs  string             // small print above Reading
	Reading    string             // the reader that the shop is shown as
	Readers    []readerChoice
	Remembers  bool   // whether the shop remembers what readers do
	Yours      string // number of the visitor's books; "" for none or unknown
	SignedIn   bool   // whether a proxy named the reader, so that the browser has no cookie
	Sample     string // label of the sample reader; "" for the visitor
	Reader     string // tag of the reader, so that the script notices a change; "" for a page that cannot be loaded again
	Links      []Link // links to addresses that other packages answer
	Reload     int    // seconds until a browser without script reloads the page; 0 for never
}

// Link is a link to an address that another package answers.
type Link struct{ Address, Text string }

type readerChoice struct {
	Value, Label string
	Current      bool
}

const (
	shortcuts     = 6
	yourselfLabel = "Yourself"
)

// show answers with a page, which is for one reader only.
func show(w http.ResponseWriter, page templ.Component) error {
	return useRendered(page, func(body []byte) { // which is too large to be copied for each reader
		w.Header().Set("Cache-Control", "private, no-cache")
		reply.HTML(w, http.StatusOK, body)
	})
}

func (p *Pages) layout(title, here string, v Visitor, own ownBooks) layout {
	l := layout{
		at: p.links, face: &p.cfg.Face,
		Title: title, Here: here, Categories: p.cfg.Catalog.Categories(), ReadingAs: "Reading as", Reading: yourselfLabel,
		Remembers: p.cfg.Catalog.Ready() && !p.cfg.Catalog.ReadOnly(), Sample: v.sample.Label, Reader: v.tag, Links: p.cfg.Links, SignedIn: v.signedIn,
		Feed: p.feed(),
	}
	if len(own.entries) > 0 {
		l.Yours = strconv.Itoa(len(own.entries))
	}
	if label := v.sample.Label; label != "" {
		l.Reading = label
		if name, taste, ok := strings.Cut(label, ": "); ok { // space is short, and all labels begin alike
			l.ReadingAs, l.Reading = "Reading as "+strings.ToLower(name[:1])+name[1:], taste
		}
	}
	largest := p.cfg.Catalog.Largest()
	l.Shortcuts = largest[:min(max(0, shortcuts-len(p.cfg.Face.Links)), len(largest))]
	samples := p.cfg.Catalog.Samples()
	if len(samples) == 0 || v.signedIn {
		return l
	}
	l.Readers = append(make([]readerChoice, 0, 1+len(samples)), readerChoice{yourself, yourselfLabel, v.sample.ID == 0})
	for _, sample := range samples {
		l.Readers = append(l.Readers, readerChoice{strconv.FormatInt(sample.ID, 10), sample.Label, sample.ID == v.sample.ID})
	}
	return l
}

// Extra returns a page whose main part comes from another package. Browsers without
// script reload it after a time, 0 for never.
func (p *Pages) Extra(r *http.Request, title string, main templ.Component, reload time.Duration) templ.Component {
	l := p.layout(title, r.URL.Path, p.visitor(r), ownBooks{})
	l.Reload = int(reload.Seconds())
	return extra(&l, main)
}

// about says what a page is about, in as many words as search engines show.
func (l *layout) about() string {
	const most = 200
	text := strings.Join(strings.Fields(l.About), " ")
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most-1]) + "…"
	}
	return cmp.Or(text, l.face.Texts.Tagline)
}

// Owners is GET /pages/{slug}: a page of the shop's owner.
func (p *Pages) Owners(w http.ResponseWriter, r *http.Request, v Visitor) error {
	for i := range p.cfg.Face.Pages {
		if page := &p.cfg.Face.Pages[i]; page.Slug == r.PathValue("slug") {
			l := p.layout(page.Title, OwnersPath+page.Slug, v, ownBooks{})
			l.Canonical = p.cfg.PublicURL.To(l.Here)
			// Package storefront lets no HTML of the owner through. Links to the shop lack its path.
			body := strings.NewReplacer(` href="/`, ` href="`+p.to("/"), ` src="/`, ` src="`+p.to("/")).Replace(page.Body)
			return show(w, owners(&l, page, templ.Raw(body)))
		}
	}
	return problem.ErrNoSuchPage
}

// header is what the head of every page shows.
type header struct {
	face       *storefront.Face
	Category   string
	Here       string // "/books" or YourBooksPath on those pages
	Reading    string
	ReadingAs  string
	Remembers  bool
	Categories []catalog.Category
	Shortcuts  []catalog.Category
	Readers    []readerChoice

	// Gaps.
	Query, Return, Yours string
}

// Gaps of headers.
const (
	queryGap gap = iota
	returnGap
	yoursGap
)

// headerKey tells apart the headers that one shop has at the same time.
type headerKey struct{ category, here, reading string }

func sameHeader(a, b header) bool {
	return a.ReadingAs == b.ReadingAs && a.Remembers == b.Remembers && slices.Equal(a.Readers, b.Readers) &&
		slices.Equal(a.Categories, b.Categories) && slices.Equal(a.Shortcuts, b.Shortcuts)
}

// headOf shows the head of a page.
func headOf(l *layout) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		h := header{
			face: l.face, Category: l.Category, Reading: l.Reading, ReadingAs: l.ReadingAs, Remembers: l.Remembers,
			Categories: l.Categories, Shortcuts: l.Shortcuts, Readers: l.Readers,
		}
		if l.Here == "/books" || l.Here == YourBooksPath {
			h.Here = l.Here
		}
		return l.at.headers.write(w, headerKey{h.Category, h.Here, h.Reading}, h, l.Query, l.at.to(l.Here), l.Yours)
	})
}

func newHeaders(at *links) *pieces[headerKey, header] {
	return newPieces(1<<20, sameHeader, func(p *pieces[headerKey, header], _ headerKey, h header) templ.Component {
		h.Query, h.Return, h.Yours = p.gap(queryGap), p.gap(returnGap), p.gap(yoursGap)
		return head(at, &h)
	})
}

// footer is what the foot of every page shows.
type footer struct {
	face     *storefront.Face
	SignedIn bool
	Links    []Link
}

func sameFooter(a, b footer) bool { return a.face == b.face && slices.Equal(a.Links, b.Links) }

// footOf shows the foot of a page.
func footOf(l *layout) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		return l.at.footers.write(w, l.SignedIn, footer{l.face, l.SignedIn, l.Links})
	})
}

func newFooters(at *links) *pieces[bool, footer] {
	return newPieces(1<<16, sameFooter, func(_ *pieces[bool, footer], _ bool, f footer) templ.Component { return foot(at, &f) })
}

// filesOf has the static files of a page.
func filesOf(at *links) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		return at.files.write(w, struct{}{}, struct{}{})
	})
}

func newFiles(at *links) *pieces[struct{}, struct{}] {
	same := func(struct{}, struct{}) bool { return true }
	return newPieces(1<<16, same, func(*pieces[struct{}, struct{}], struct{}, struct{}) templ.Component { return files(at) })
}
