package page

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"path"

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
	base, err := template.New("layout.html").Funcs(template.FuncMap{
		"accent": cover.Accent,
		"asset": func(name string) (string, error) {
			address, err := files.url(name)
			return root.To(address), err
		},
		"category": catalog.CategoryName,
		"count":    formatCount,
		"language": formatLanguage,
		"price":    formatPrice,
		"root":     func() string { return string(root) },
		"to":       root.To, // an address of the shop
		"year":     formatYear,
	}).ParseFS(templateFiles, "templates/layout.html", "templates/parts.html")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(templateFiles, "templates/pages/*")
	if err != nil {
		return nil, err
	}
	pages := templates{}
	for _, name := range names {
		page, err := template.Must(base.Clone()).ParseFS(templateFiles, name) // a clone fails only after use
		if err != nil {
			return nil, err
		}
		pages[path.Base(name)] = page
	}
	return pages, nil
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
