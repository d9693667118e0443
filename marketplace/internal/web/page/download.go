package page

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"bookstall/internal/spreadsheet"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/reply"
)

// downloaded is one of a visitor's own books in a file.
type downloaded struct {
	BookID     int64  `json:"book_id"`
	ExternalID string `json:"external_id,omitempty"`
	Title      string `json:"title"`
	Author     string `json:"author"`
	ISBN       string `json:"isbn,omitempty"`
	Liked      bool   `json:"liked"`
	Rating     int    `json:"rating,omitempty"`
	Bought     bool   `json:"bought"`
	Wanted     bool   `json:"wanted"`
}

// download returns all of a visitor's own books and those on the list, the latest change first.
func (p *Pages) download(w http.ResponseWriter, r *http.Request, v Visitor) ([]downloaded, error) {
	if err := p.checkWrite(v); err != nil {
		return nil, err
	}
	v, own, err := p.wholeHistory(w, r, v)
	switch {
	case err != nil:
		return nil, err
	case v.unknown():
		return nil, problem.ErrNobody
	}
	books := []downloaded{}
	for _, e := range slices.Concat(own.entries, slices.DeleteFunc(slices.Clone(own.wanted), recommend.Entry.Own)) {
		if b, err := p.cfg.Catalog.Book(e.BookID); err == nil {
			books = append(books, downloaded{
				BookID: b.ID, ExternalID: b.ExternalID, Title: b.Title, Author: b.Author, ISBN: b.ISBN,
				Liked: e.Liked, Rating: e.Rating, Bought: e.Purchased, Wanted: e.Wanted,
			})
		}
	}
	w.Header().Set("Cache-Control", "private, no-store")
	return books, nil
}

// Download is GET /your-books.csv: all of a visitor's own books, for a spreadsheet.
func (p *Pages) Download(w http.ResponseWriter, r *http.Request, v Visitor) error {
	books, err := p.download(w, r, v)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	to := csv.NewWriter(&file)
	err = to.Write([]string{"book_id", "title", "author", "liked", "rating", "bought", "wanted", "isbn"})
	for _, b := range books {
		rating := ""
		if b.Rating > 0 {
			rating = strconv.Itoa(b.Rating)
		}
		err = cmp.Or(err, to.Write([]string{
			strconv.FormatInt(b.BookID, 10), spreadsheet.Cell(b.Title), spreadsheet.Cell(b.Author), strconv.FormatBool(b.Liked), rating, strconv.FormatBool(b.Bought),
			strconv.FormatBool(b.Wanted), b.ISBN,
		}))
	}
	to.Flush()
	if err != nil { // never: the buffer takes everything
		return fmt.Errorf("table of books: %w", err)
	}
	w.Header().Set("Content-Disposition", `attachment; filename="your-books.csv"`)
	reply.Send(w, http.StatusOK, "text/csv; charset=utf-8", file.Bytes())
	return nil
}

// DownloadJSON is GET /your-books.json: the same, for programs.
func (p *Pages) DownloadJSON(w http.ResponseWriter, r *http.Request, v Visitor) error {
	books, err := p.download(w, r, v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", `attachment; filename="your-books.json"`)
	return reply.JSON(w, http.StatusOK, map[string]any{"books": books})
}
