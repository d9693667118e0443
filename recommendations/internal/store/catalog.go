package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"bookstall/recommendations/internal/domain"
)

// Catalog returns the books and sample readers. The version is empty if there are
// none yet.
func (s *Store) Catalog(ctx context.Context) (c domain.Catalog, err error) {
	err = s.view(ctx, "catalogue", func(tx *sql.Tx) error {
		c, err = readCatalog(ctx, tx)
		return err
	})
	return c, err
}

func readCatalog(ctx context.Context, q querier) (domain.Catalog, error) {
	h, err := head(ctx, q)
	if err != nil {
		return domain.Catalog{}, err
	}
	c := domain.Catalog{Version: h.CatalogVersion}
	if c.Books, err = readBooks(ctx, q); err != nil {
		return domain.Catalog{}, err
	}
	c.Samples, err = readSamples(ctx, q)
	return c, err
}

// bookColumns are the columns of a book, but for its external id, which has a table of its own.
const bookColumns = "id, title, author, year, categories, popularity, series, isbn, description, price, currency, language, " +
	"availability, stock, hidden, buy_url, publisher, format, pages, series_number, contributors, added, gone"

// categorySeparator cannot occur in a slug.
const categorySeparator = "|"

func readBooks(ctx context.Context, q querier) ([]domain.Book, error) {
	names, err := readExternalIDs(ctx, q, "WHERE kind = $1 AND id IN (SELECT id FROM books)", domain.BookID)
	if err != nil {
		return nil, err
	}
	nameOf := make(map[int64]string, len(names))
	for _, one := range names {
		nameOf[one.ID] = one.Text
	}
	rows, err := q.QueryContext(ctx, "SELECT "+bookColumns+" FROM books ORDER BY id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var books []domain.Book
	for rows.Next() {
		var b domain.Book
		var categories, contributors string
		var added sql.NullInt64
		err := rows.Scan(&b.ID, &b.Title, &b.Author, &b.Year, &categories, &b.Popularity,
			&b.Series, &b.ISBN, &b.Description, &b.Price, &b.Currency, &b.Language,
			&b.Availability, &b.Stock, &b.Hidden, &b.BuyURL, &b.Publisher, &b.Format, &b.Pages, &b.SeriesNumber, &contributors, &added, &b.Gone)
		if err != nil {
			return nil, err
		}
		if categories != "" {
			b.Categories = strings.Split(categories, categorySeparator)
		}
		b.Contributors = domain.ParseContributors(contributors)
		if added.Valid {
			b.Added = time.Unix(added.Int64, 0).UTC()
		}
		b.ExternalID = nameOf[b.ID]
		books = append(books, b)
	}
	return books, rows.Err()
}

func readSamples(ctx context.Context, q querier) ([]domain.SampleReader, error) {
	rows, err := q.QueryContext(ctx, "SELECT user_id, label FROM samples ORDER BY user_id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var samples []domain.SampleReader
	for rows.Next() {
		var r domain.SampleReader
		if err := rows.Scan(&r.ID, &r.Label); err != nil {
			return nil, err
		}
		samples = append(samples, r)
	}
	return samples, rows.Err()
}

// putCatalog replaces the catalogue.
func putCatalog(ctx context.Context, tx *sql.Tx, d dialect, c domain.Catalog, demo bool) error {
	for _, statement := range []string{"DELETE FROM books", "DELETE FROM samples"} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	columns := strings.Count(bookColumns, ",") + 1
	for books := c.Books; len(books) > 0; {
		n := min(chunk, len(books))
		args := make([]any, 0, columns*n)
		for _, b := range books[:n] {
			args = append(args, b.ID, b.Title, b.Author, b.Year, strings.Join(b.Categories, categorySeparator), b.Popularity,
				b.Series, b.ISBN, b.Description, b.Price, b.Currency, b.Language,
				b.Availability, b.Stock, b.Hidden, b.BuyURL, b.Publisher, b.Format, b.Pages, b.SeriesNumber, domain.FormatContributors(b.Contributors),
				sql.NullInt64{Int64: b.Added.Unix(), Valid: !b.Added.IsZero()}, b.Gone)
		}
		statement := "INSERT INTO books (" + bookColumns + ") VALUES " + d.values(n, columns) //nolint:gosec // constants and placeholders
		if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
			return err
		}
		books = books[n:]
	}
	for _, r := range c.Samples {
		if _, err := tx.ExecContext(ctx, "INSERT INTO samples (user_id, label) VALUES ($1, $2)", r.ID, r.Label); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, "UPDATE head SET catalog_version = $1, demo = $2", c.Version, demo)
	return err
}

// inOrder returns a sorted copy of the catalogue with its version, a hash of its books
// and sample readers.
func inOrder(c domain.Catalog) domain.Catalog {
	c.Books, c.Samples = slices.Clone(c.Books), slices.Clone(c.Samples)
	slices.SortFunc(c.Books, func(a, b domain.Book) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(c.Samples, func(a, b domain.SampleReader) int { return cmp.Compare(a.ID, b.ID) })
	sum := sha256.New()
	to := json.NewEncoder(sum) // cannot fail: plain structs into a hash
	for _, b := range c.Books {
		_ = to.Encode(b)
	}
	for _, r := range c.Samples {
		_ = to.Encode(r)
	}
	c.Version = hex.EncodeToString(sum.Sum(nil)[:6])
	return c
}
