package api

import (
	"net/http"
	"time"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/web/reply"
	"bookstall/marketplace/internal/web/request"
)

// Book is a book as the API shows it. It has the fields of catalog.Book, but names of
// its own in JSON, and Availability is never unknown.
type Book struct {
	ID          int64    `json:"id"`
	Title       string   `json:"title"`
	Author      string   `json:"author"`
	Year        int      `json:"year,omitempty"`
	Categories  []string `json:"categories"`
	Popularity  int64    `json:"popularity"`
	ExternalID  string   `json:"external_id,omitempty"`
	Series      string   `json:"series,omitempty"`
	ISBN        string   `json:"isbn,omitempty"`
	Description string   `json:"description,omitempty"`
	Price       string   `json:"price,omitempty"`
	Currency    string   `json:"currency,omitempty"`
	Language    string   `json:"language,omitempty"`

	Availability catalog.Availability  `json:"availability"`
	Stock        *int64                `json:"stock,omitempty"`
	Hidden       bool                  `json:"hidden,omitempty"`
	BuyURL       string                `json:"buy_url,omitempty"`
	Publisher    string                `json:"publisher,omitempty"`
	Format       string                `json:"format,omitempty"`
	Pages        int                   `json:"pages,omitempty"`
	SeriesNumber string                `json:"series_number,omitempty"`
	Contributors []catalog.Contributor `json:"contributors,omitempty"`
	Added        time.Time             `json:"added,omitzero"`
	New          bool                  `json:"new,omitempty"`
}

func bookOf(b catalog.Book) Book {
	shown := Book(b)
	shown.Availability = catalog.Unavailable
	if b.CanBeBought() {
		shown.Availability = catalog.Available
	}
	return shown
}

// BookList is one page of books.
type BookList struct {
	Books         []Book `json:"books"`
	NextPageToken string `json:"next_page_token"` // "" on the last page
	TotalSize     int    `json:"total_size"`
	DidYouMean    string `json:"did_you_mean,omitempty"` // the books match this and not q
}

// Books is GET /api/v1/books.
func (a *API) Books(w http.ResponseWriter, r *http.Request) error {
	q := request.NewQuery(r, append(request.ListFields(), "category", "q", "page_size", "page_token")...)
	listing := q.Listing(a.cfg.Catalog)
	query := catalog.Query{
		Category: q.Category(a.cfg.Catalog), Text: q.Text("q"), Limit: q.Count("page_size", 1, 100, 20), Sort: listing.Sort, Filter: listing.Filter,
	}
	sortedAs := listing.Values().Encode()
	if token := q.Value("page_token"); token != "" {
		var ok bool
		if query.Offset, ok = a.cfg.PageTokens.Decode(token, query.Category, query.Text, sortedAs); !ok {
			q.Fault("page_token", "must be the next_page_token of a request with the same parameters")
		}
	}
	if err := q.Err(); err != nil {
		return err
	}
	page := a.cfg.Catalog.List(query)
	list := BookList{Books: make([]Book, 0, len(page.Books)), TotalSize: page.Total, DidYouMean: page.Instead}
	for _, b := range page.Books {
		list.Books = append(list.Books, bookOf(*b))
	}
	if next := query.Offset + len(page.Books); len(page.Books) > 0 && next < page.Total {
		list.NextPageToken = a.cfg.PageTokens.Encode(query.Category, query.Text, sortedAs, next)
	}
	return reply.JSON(w, http.StatusOK, list)
}

// Book is GET /api/v1/books/{id}.
func (a *API) Book(w http.ResponseWriter, r *http.Request) error {
	q := request.NewQuery(r)
	b, err := a.book(q, r.PathValue("id"))
	if err != nil {
		return err
	}
	return reply.JSON(w, http.StatusOK, bookOf(b))
}

// Categories is GET /api/v1/categories.
func (a *API) Categories(w http.ResponseWriter, r *http.Request) error {
	if err := request.NewQuery(r).Err(); err != nil {
		return err
	}
	type category struct {
		Slug  string `json:"slug"`
		Name  string `json:"name"`
		Count int    `json:"count"`
	}
	list := []category{}
	for _, c := range a.cfg.Catalog.Categories() {
		list = append(list, category(c))
	}
	return reply.JSON(w, http.StatusOK, map[string]any{"categories": list})
}
