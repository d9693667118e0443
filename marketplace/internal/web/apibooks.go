package web

import (
	"net/http"

	"bookstall/marketplace/internal/catalog"
)

// apiBook is a book as the API shows it: not a catalog.Book, so that the
// catalogue can change without the API.
type apiBook struct {
	ID          int64    `json:"id"`
	Title       string   `json:"title"`
	Author      string   `json:"author"`
	Year        int      `json:"year,omitempty"`
	Categories  []string `json:"categories"`
	Popularity  int64    `json:"popularity"`
	Series      string   `json:"series,omitempty"`
	ISBN        string   `json:"isbn,omitempty"`
	Description string   `json:"description,omitempty"`
	Price       string   `json:"price,omitempty"`
	Currency    string   `json:"currency,omitempty"`
	Language    string   `json:"language,omitempty"`
}

func newAPIBook(b catalog.Book) apiBook {
	return apiBook{
		ID: b.ID, Title: b.Title, Author: b.Author, Year: b.Year, Categories: b.Categories, Popularity: b.Popularity,
		Series: b.Series, ISBN: b.ISBN, Description: b.Description, Price: b.Price, Currency: b.Currency, Language: b.Language,
	}
}

type apiBookList struct {
	Books         []apiBook `json:"books"`
	NextPageToken string    `json:"next_page_token"` // "" on the last page
	TotalSize     int       `json:"total_size"`
}

// apiBooks is GET /api/v1/books.
func (s *shop) apiBooks(w http.ResponseWriter, r *http.Request) error {
	q := newAPIQuery(r, "category", "q", "page_size", "page_token")
	query := catalog.Query{Category: q.category(s.Catalog), Text: q.text("q"), Limit: q.count("page_size", 1, 100, 20)}
	if token := q.values.Get("page_token"); token != "" {
		var ok bool
		if query.Offset, ok = s.tokens.decode(token, query.Category, query.Text); !ok {
			q.fault("page_token", "must be the next_page_token of a request with the same category and q")
		}
	}
	if err := q.err(); err != nil {
		return err
	}
	page := s.Catalog.List(query)
	list := apiBookList{Books: make([]apiBook, 0, len(page.Books)), TotalSize: page.Total}
	for _, b := range page.Books {
		list.Books = append(list.Books, newAPIBook(b))
	}
	if next := query.Offset + len(page.Books); len(page.Books) > 0 && next < page.Total {
		list.NextPageToken = s.tokens.encode(query.Category, query.Text, next)
	}
	return writeJSON(w, http.StatusOK, list)
}

// apiBook is GET /api/v1/books/{id}.
func (s *shop) apiBook(w http.ResponseWriter, r *http.Request) error {
	q := newAPIQuery(r)
	id := q.id("id", r.PathValue("id"))
	if err := q.err(); err != nil {
		return err
	}
	b, err := s.Catalog.Book(id)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, newAPIBook(b))
}

// apiCategories is GET /api/v1/categories.
func (s *shop) apiCategories(w http.ResponseWriter, r *http.Request) error {
	if err := newAPIQuery(r).err(); err != nil {
		return err
	}
	type apiCategory struct {
		Slug  string `json:"slug"`
		Name  string `json:"name"`
		Count int    `json:"count"`
	}
	list := []apiCategory{}
	for _, c := range s.Catalog.Categories() {
		list = append(list, apiCategory(c))
	}
	return writeJSON(w, http.StatusOK, map[string]any{"categories": list})
}
