// Package storefront reads the shop's face from a file of its owner: name, language, texts,
// , logo, colours, contact, pages in Markdown, and links. Everything is checked when the
// file is read: a shop does not start with a face that readers cannot read.
package storefront

import (
	"errors"
	"fmt"
	"io"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	"golang.org/x/text/currency"
	"golang.org/x/text/language"
)

// Face is how the shop looks to readers.
type Face struct {
	Name     string
	Language language.Tag  // of numbers and prices, and of the shop's sentences if it is a variety of English
	Currency currency.Unit // of the shop's prices, which its symbol is enough for; zero for none
	Texts    Texts
	Logo     *Logo // nil for the drawn stall
	Colours  Colours
	Contact  Contact
	Pages    []Page
	Links    []Link // shown beside the categories
}

// Texts are those that the owner may say in another way.
type Texts struct {
	Tagline  string // for search engines, and after the name at the foot of each page
	Heading  string // of the front page, for a visitor who is not known yet
	Footnote string // at the foot of each page
}

// Logo is a picture in place of the drawn stall.
type Logo struct {
	Name    string // logo.svg, logo.png, …: by its type
	Content []byte
}

// Contact is shown at the foot of each page. Each may be empty.
type Contact struct{ Email, Phone, Address string }

// Page is a page of the owner's, such as the imprint.
type Page struct {
	Slug  string // its address is /pages/SLUG
	Title string
	Body  string // HTML from Markdown, without any HTML of the file
}

// Link is an address of the shop, which begins with a slash, or elsewhere.
type Link struct{ Text, Address string }

// Sentences returns the language of the shop's sentences, which are English.
func (f *Face) Sentences() language.Tag {
	if base, _ := f.Language.Base(); base.String() == "en" {
		return f.Language
	}
	return language.English
}

// Default returns the face of a shop without a file.
func Default() Face {
	return Face{
		Name:     "Bookstall",
		Language: language.English,
		Texts: Texts{
			Tagline: "A bookshop that finds the next book for you.",
		},
		Colours: defaultColours(),
	}
}

// Bounds of what a file may have.
const (
	maxFile     = 256 << 10 // bytes, of the file and of each page
	maxLogo     = 256 << 10 // bytes
	maxName     = 60        // characters
	maxText     = 300
	maxPages    = 20
	maxLinks    = 8
	maxLinkText = 40
)

// file is the YAML file.
type file struct {
	Name     string  `yaml:"name"`
	Language string  `yaml:"language"`
	Currency string  `yaml:"currency"`
	Texts    Texts   `yaml:"texts"`
	Logo     string  `yaml:"logo"`
	Colours  Colours `yaml:"colours"`
	Contact  Contact `yaml:"contact"`
	Pages    []struct {
		Slug  string `yaml:"slug"`
		Title string `yaml:"title"`
		File  string `yaml:"file"`
	} `yaml:"pages"`
	Links []Link `yaml:"links"`
}

// Load reads a face from a YAML file. Logo and pages are files of the same folder. What the
// file does not say is as in Default.
//
// The error names all that is wrong.
func Load(path string) (Face, error) {
	face := Default()
	content, err := read(path, maxFile)
	if err != nil {
		return face, err
	}
	f := file{Colours: face.Colours, Texts: face.Texts}
	d := yaml.NewDecoder(strings.NewReader(string(content)))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return face, fmt.Errorf("%s: %w", path, err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return face, fmt.Errorf("%s: has more than one YAML document, which would not be read: remove the line ---", path)
	}
	c := checker{folder: filepath.Dir(path)}
	c.fill(&face, f)
	if len(c.wrong) > 0 {
		return face, fmt.Errorf("%s: %w", path, errors.Join(c.wrong...))
	}
	return face, nil
}

func read(path string, most int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err == nil && len(content) > most {
		err = fmt.Errorf("%s has over %d kB", path, most>>10)
	}
	return content, err
}

// checker collects what is wrong with a file.
type checker struct {
	folder string
	wrong  []error
}

func (c *checker) errorf(format string, args ...any) {
	c.wrong = append(c.wrong, fmt.Errorf(format, args...))
}

func (c *checker) fill(face *Face, f file) {
	if f.Name != "" {
		face.Name = c.line("name", f.Name, maxName)
	}
	if f.Language != "" {
		tag, err := language.Parse(f.Language)
		if err != nil {
			c.errorf("language is %q, want a tag such as en-GB or de", f.Language)
		}
		face.Language = tag
	}
	if f.Currency != "" {
		var err error
		if face.Currency, err = currency.ParseISO(f.Currency); err != nil {
			c.errorf("currency is %q, want a code of ISO 4217 such as EUR", f.Currency)
		}
	}
	face.Texts = Texts{
		Tagline:  c.line("texts.tagline", f.Texts.Tagline, maxText),
		Heading:  c.line("texts.heading", f.Texts.Heading, maxText),
		Footnote: c.line("texts.footnote", f.Texts.Footnote, maxText),
	}
	if f.Logo != "" {
		face.Logo = c.logo(f.Logo)
	}
	face.Colours = f.Colours
	c.wrong = append(c.wrong, f.Colours.check()...)
	face.Contact = c.contact(f.Contact)

	if len(f.Pages) > maxPages {
		c.errorf("pages has %d, want at most %d", len(f.Pages), maxPages)
	}
	for i, p := range f.Pages {
		at := fmt.Sprintf("pages[%d]", i)
		page := Page{Slug: p.Slug, Title: c.line(at+".title", p.Title, maxName)}
		switch {
		case !isSlug(p.Slug):
			c.errorf("%s.slug is %q, want lower-case letters, digits and hyphens, such as privacy", at, p.Slug)
		case slices.ContainsFunc(face.Pages, func(other Page) bool { return other.Slug == p.Slug }):
			c.errorf("%s.slug is %q, as that of another page", at, p.Slug)
		}
		if page.Title == "" {
			c.errorf("%s.title is empty", at)
		}
		if text := c.beside(at+".file", p.File, maxFile); text != nil {
			var err error
			if page.Body, err = markdown(text); err != nil {
				c.errorf("%s.file: %w", at, err)
			}
		}
		face.Pages = append(face.Pages, page)
	}
	if len(f.Links) > maxLinks {
		c.errorf("links has %d, want at most %d", len(f.Links), maxLinks)
	}
	for i, l := range f.Links {
		at := fmt.Sprintf("links[%d]", i)
		if l.Text = c.line(at+".text", l.Text, maxLinkText); l.Text == "" {
			c.errorf("%s.text is empty", at)
		}
		if !isAddress(l.Address) {
			c.errorf("%s.address is %q, want /PATH of the shop or https://…", at, l.Address)
		}
		face.Links = append(face.Links, l)
	}
}

// line returns a text of one line.
func (c *checker) line(field, text string, most int) string {
	text = strings.TrimSpace(text)
	switch {
	case utf8.RuneCountInString(text) > most:
		c.errorf("%s has %d characters, want at most %d", field, utf8.RuneCountInString(text), most)
	case strings.ContainsFunc(text, unicode.IsControl):
		c.errorf("%s has a line break or another control character", field)
	}
	return text
}

func isSlug(text string) bool {
	return regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`).MatchString(text) && len(text) <= maxName
}

// isAddress reports whether a link may lead there: to the shop, or by HTTP elsewhere.
func isAddress(address string) bool {
	u, err := url.Parse(address)
	if err != nil || strings.ContainsFunc(address, unicode.IsControl) || strings.Contains(address, `\`) {
		return false
	}
	if u.Scheme == "https" || u.Scheme == "http" {
		return u.Host != ""
	}
	return u.Scheme == "" && u.Host == "" && strings.HasPrefix(address, "/") && !strings.HasPrefix(address, "//")
}

func (c *checker) contact(given Contact) Contact {
	out := Contact{
		Email: c.line("contact.email", given.Email, maxText), Phone: c.line("contact.phone", given.Phone, maxName),
		Address: c.line("contact.address", given.Address, maxText),
	}
	if out.Email != "" {
		if a, err := mail.ParseAddress(out.Email); err != nil || a.Address != out.Email {
			c.errorf("contact.email is %q, want an address such as books@shop.example", out.Email)
		}
	}
	return out
}

// beside reads a file of the folder, or returns nil.
func (c *checker) beside(field, name string, most int) []byte {
	if !filepath.IsLocal(name) {
		c.errorf("%s is %q, want the name of a file in the folder of the shop file", field, name)
		return nil
	}
	content, err := read(filepath.Join(c.folder, name), most)
	if err != nil {
		c.errorf("%s: %w", field, err)
		return nil
	}
	return content
}

func (c *checker) logo(name string) *Logo {
	content := c.beside("logo", name, maxLogo)
	if content == nil {
		return nil
	}
	ext := strings.ToLower(filepath.Ext(name))
	if !isPicture(ext, content) {
		c.errorf("logo is %q, want an SVG, PNG, JPEG or WebP picture with the ending of its kind", name)
		return nil
	}
	return &Logo{Name: "logo" + ext, Content: content}
}

// isPicture reports whether a file is of the kind that its ending says.
func isPicture(ext string, content []byte) bool {
	begins := func(with string) bool { return strings.HasPrefix(string(content), with) }
	switch ext {
	case ".svg":
		return strings.Contains(string(content[:min(len(content), 4096)]), "<svg")
	case ".png":
		return begins("\x89PNG\r\n\x1a\n")
	case ".jpg", ".jpeg":
		return begins("\xff\xd8\xff")
	case ".webp":
		return begins("RIFF") && len(content) > 12 && string(content[8:12]) == "WEBP"
	}
	return false
}
