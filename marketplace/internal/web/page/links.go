package page

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/coverdir"
	"bookstall/marketplace/internal/edge"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/storefront"
)

// links makes the addresses on pages, below the path of the public URL, writes numbers and
// prices, and keeps the pieces of pages that have them.
type links struct {
	*numerals
	root                edge.Root
	icon, style, script string // static files
	logo                string // in the head of each page
	covers              *coverdir.Folder

	cards   *pieces[cardKey, cardFrom]
	headers *pieces[headerKey, header]
	footers *pieces[bool, footer]
	tiles   *pieces[struct{}, []catalog.Category]
	files   *pieces[struct{}, struct{}]

	variety map[recommend.Variety]templ.Component // its control, by the step that is chosen
}

func newLinks(files staticFiles, root edge.Root, face *storefront.Face, covers *coverdir.Folder) (*links, error) {
	l := &links{numerals: newNumerals(face.Language, face.Currency), root: root, covers: covers}
	l.cards, l.headers, l.footers, l.tiles, l.files = newCards(l), newHeaders(l), newFooters(l), newTiles(l), newFiles(l)
	brand := "icon.svg"
	if face.Logo != nil {
		brand = face.Logo.Name
	}
	for address, name := range map[*string]string{&l.icon: "icon.svg", &l.style: styleSheet, &l.script: "shop.js", &l.logo: brand} {
		to, err := files.url(name)
		if err != nil {
			return nil, err
		}
		*address = l.to(to)
	}
	var err error
	l.variety, err = newControls(l)
	return l, err
}

// to returns an address as browsers ask for it.
func (l *links) to(address string) string { return l.root.To(address) }

// link returns an address of the shop's owner, which may be elsewhere.
func (l *links) link(address string) string {
	if strings.HasPrefix(address, "/") {
		return l.to(address)
	}
	return address
}

func (l *links) book(id int64) string { return l.to("/books/" + strconv.FormatInt(id, 10)) }

func (l *links) why(id int64) string { return l.book(id) + "/why" }

func (l *links) category(slug string) string { return l.to("/categories/" + slug) }

// author leads to the books of somebody; "" for a name that is nothing but punctuation.
func (l *links) author(name string) string { return l.named(authorsPath, name) }

func (l *links) series(name string) string { return l.named(seriesPath, name) }

// seriesOf leads to the series of a book; "" for none.
func (l *links) seriesOf(b *catalog.Book) string {
	name, _ := b.SeriesAndNumber()
	return l.series(name)
}

func (l *links) named(path, name string) string {
	key := catalog.FoldName(name)
	if key == "" {
		return ""
	}
	return l.to(path + url.PathEscape(key))
}

// search leads to the books that match a text, in a category, "" for all.
func (l *links) search(text, category string) string {
	query := "?q=" + escapeQuery(text)
	if category != "" {
		query += "&category=" + escapeQuery(category)
	}
	return l.to("/search" + query)
}

// escapeQuery escapes a value in a query. Unlike url.QueryEscape it does so for a space, too,
// which is a plus in forms only.
func escapeQuery(value string) string { return strings.ReplaceAll(url.QueryEscape(value), "+", "%20") }

// Render makes a whole page or a part of one.
func Render(c templ.Component) (html []byte, err error) {
	err = useRendered(c, func(body []byte) { html = bytes.Clone(body) })
	return html, err
}

// useRendered calls use with a whole page, so that an error in the middle leaves no half page. Afterwards the body belongs to
// another page.
func useRendered(c templ.Component, use func(body []byte)) error {
	body := templ.GetBuffer()
	defer templ.ReleaseBuffer(body)
	if err := c.Render(context.Background(), body); err != nil { // in memory: nothing to cancel
		return fmt.Errorf("render: %w", err)
	}
	use(body.Bytes())
	return nil
}
