package page

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/reply"
)

// Download is GET /your-books.csv: all of a visitor's own books, for a spreadsheet.
func (p *Pages) Download(w http.ResponseWriter, r *http.Request, v Visitor) error {
	if err := p.checkWrite(v); err != nil {
		return err
	}
	v, own, err := p.wholeHistory(w, r, v)
	switch {
	case err != nil:
		return err
	case v.unknown():
		return problem.ErrNobody
	}
	var file bytes.Buffer
	to := csv.NewWriter(&file)
	err = to.Write([]string{"book_id", "title", "author", "liked", "rating", "bought", "wanted"})
	for _, e := range slices.Concat(own.entries, slices.DeleteFunc(slices.Clone(own.wanted), recommend.Entry.Own)) {
		b, missing := p.cfg.Catalog.Book(e.BookID)
		if missing != nil || err != nil {
			continue
		}
		rating := ""
		if e.Rating > 0 {
			rating = strconv.Itoa(e.Rating)
		}
		err = to.Write([]string{
			strconv.FormatInt(b.ID, 10), cell(b.Title), cell(b.Author), strconv.FormatBool(e.Liked), rating, strconv.FormatBool(e.Purchased),
			strconv.FormatBool(e.Wanted),
		})
	}
	to.Flush()
	if err != nil { // never: the buffer takes everything
		return fmt.Errorf("table of books: %w", err)
	}
	w.Header().Set("Cache-Control", "private, no-store")
	w.Header().Set("Content-Disposition", `attachment; filename="your-books.csv"`)
	reply.Send(w, http.StatusOK, "text/csv; charset=utf-8", file.Bytes())
	return nil
}

// cell returns a text that no spreadsheet takes for a formula, as OWASP advises against CSV
// injection.
func cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
