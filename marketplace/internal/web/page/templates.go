package page

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"regexp"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/edge"
	"bookstall/marketplace/internal/web/cover"
)

//go:embed templates
var templateFiles embed.FS

// templates are the pages by name: each is layout.html and parts.html with the
// "main" of its own file.
type templates map[string]*template.Template

func newTemplates(files staticFiles, root edge.Root) (templates, error) {
	links := linker{files, root}
	base := template.New("layout.html").Funcs(template.FuncMap{
		"accent":   cover.Accent,
		"asset":    links.asset,
		"category": catalog.CategoryName,
		"count":    formatCount,
		"language": formatLanguage,
		"price":    formatPrice,
		"root":     func() string { return string(root) },
		"to":       root.To, // an address of the shop
		"year":     formatYear,
	})
	for _, name := range []string{"templates/layout.html", "templates/parts.html"} {
		if err := links.parse(base, name); err != nil {
			return nil, err
		}
	}
	names, err := fs.Glob(templateFiles, "templates/pages/*")
	if err != nil {
		return nil, err
	}
	pages := templates{}
	for _, name := range names {
		page := template.Must(base.Clone()) // fails only after use
		if err := links.parse(page, name); err != nil {
			return nil, err
		}
		pages[path.Base(name)] = page
	}
	return pages, nil
}

// linker makes the addresses on pages.
type linker struct {
	files staticFiles
	root  edge.Root
}

// asset returns the address of a static file.
func (l linker) asset(name string) (string, error) {
	address, err := l.files.url(name)
	return l.root.To(address), err
}

// parse adds a file to a template. It puts in constant addresses itself: a page has hundreds of
// links, and calls from templates are slow.
func (l linker) parse(t *template.Template, name string) error {
	text, err := templateFiles.ReadFile(name)
	if err != nil {
		return err
	}
	constant := regexp.MustCompile(`\{\{(to|asset) "([^"]*)"\}\}`)
	linked := constant.ReplaceAllStringFunc(string(text), func(call string) string {
		parts := constant.FindStringSubmatch(call)
		if parts[1] == "to" {
			return l.root.To(parts[2])
		}
		address, missing := l.asset(parts[2])
		err = errors.Join(err, missing)
		return address
	})
	if err != nil {
		return err
	}
	if file := path.Base(name); file != t.Name() {
		t = t.New(file)
	}
	_, err = t.Parse(linked)
	return err
}

// render makes a whole page, so that an error in the middle leaves no half page.
func (t templates) render(name string, data any) ([]byte, error) {
	var body bytes.Buffer
	if err := t[name].Execute(&body, data); err != nil {
		return nil, fmt.Errorf("render: %w", err)
	}
	return body.Bytes(), nil
}

// part makes a part of pages, by the name of its template.
func (t templates) part(name string, data any) ([]byte, error) {
	var part bytes.Buffer
	if err := t["front.html"].ExecuteTemplate(&part, name, data); err != nil { // every page has all parts
		return nil, fmt.Errorf("render: %w", err)
	}
	return part.Bytes(), nil
}
