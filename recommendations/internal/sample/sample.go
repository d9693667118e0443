// Package sample holds the data that the recommendations service has when
// nobody gives it any: a catalogue of real books (title, author, year and
// categories, as plain facts), and synthetic readers with synthetic ratings.
// No rating in it was given by a person.
//
// data/books.csv is written by hand, but for its popularity and price columns.
// These and the other two files are made by the generate program below this
// package; the compare program checks the facts against other catalogues.
//
// It must not import gRPC, HTTP, metrics, a database, or any package of this
// project except bookcsv and library.
package sample

import (
	"cmp"
	"crypto/sha256"
	_ "embed" // the data
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/domain"
)

//go:generate go run ./generate -dir data

//go:embed data/books.csv
var booksFile string

//go:embed data/ratings.csv
var ratingsFile string

//go:embed data/samples.csv
var samplesFile string

// Load returns the embedded data. It reads it anew on each call, so the caller
// may keep and change what it gets.
func Load() (*domain.Library, error) {
	books, err := bookcsv.NewBookReader("books.csv", strings.NewReader(booksFile))
	if err != nil {
		return nil, err
	}
	ratings, err := bookcsv.NewRatingReader("ratings.csv", strings.NewReader(ratingsFile))
	if err != nil {
		return nil, err
	}
	samples, err := bookcsv.NewSampleReader("samples.csv", strings.NewReader(samplesFile))
	if err != nil {
		return nil, err
	}
	lib := &domain.Library{Catalog: domain.Catalog{Version: version(booksFile)}}
	if lib.Books, err = all(books); err != nil {
		return nil, err
	}
	if lib.Ratings, err = all(ratings); err != nil {
		return nil, err
	}
	if lib.Samples, err = all(samples); err != nil {
		return nil, err
	}
	slices.SortFunc(lib.Books, func(a, b domain.Book) int { return cmp.Compare(a.ID, b.ID) })
	if err := checkReferences(lib); err != nil {
		return nil, err
	}
	return lib, nil
}

// version is equal for equal books, whatever the ratings are.
func version(file string) string {
	sum := sha256.Sum256([]byte(file))
	return hex.EncodeToString(sum[:6])
}

func all[T any](reader *bookcsv.Reader[T]) ([]T, error) {
	var rows []T
	for row, err := range reader.All() {
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// checkReferences sees to it that ratings are of books of the catalogue, and
// sample readers have ratings.
func checkReferences(lib *domain.Library) error {
	known := make(map[int64]bool, len(lib.Books))
	for _, b := range lib.Books {
		known[b.ID] = true
	}
	readers := make(map[int64]bool)
	for _, r := range lib.Ratings {
		if !known[r.BookID] {
			return fmt.Errorf("ratings.csv: reader %d rated book %d, which books.csv has not", r.UserID, r.BookID)
		}
		readers[r.UserID] = true
	}
	for _, s := range lib.Samples {
		if !readers[s.ID] {
			return fmt.Errorf("samples.csv: reader %d has no ratings", s.ID)
		}
	}
	return nil
}
