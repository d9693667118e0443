package page

import (
	"net/http"
	"strconv"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/web/reply"
)

// suggestion is an option of the list below the search box.
type suggestion struct {
	ID       string // of the element
	Text     string
	Language string
	Note     string // what it is, or who a book is by
	Address  string
}

// Suggest is GET /suggest: for the script, what a reader may be looking for who has typed q.
func (p *Pages) Suggest(w http.ResponseWriter, r *http.Request, _ Visitor) error {
	found := p.cfg.Catalog.Suggest(searchText(r.URL.Query().Get("q")))
	var list []suggestion
	add := func(text, language, note, address string) {
		list = append(list, suggestion{"suggestion-" + strconv.Itoa(len(list)+1), text, language, note, address})
	}
	for _, b := range found.Books {
		add(b.Title, b.Language, b.Author, p.links.book(b.ID))
	}
	for _, name := range found.Authors {
		add(name.Text, "", "Author, "+p.links.books(name.Count), p.links.author(name.Text))
	}
	for _, name := range found.Series {
		add(name.Text, "", "Series, "+p.links.books(name.Count), p.links.series(name.Text))
	}
	for _, c := range found.Categories {
		add(catalog.CategoryName(c.Slug), "", "Category, "+p.links.books(c.Count), p.links.category(c.Slug))
	}
	body, err := Render(suggestions(list))
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "private, max-age=60")
	reply.HTML(w, http.StatusOK, body)
	return nil
}
