// Package sample holds the data that the recommendations service uses until
// other data is imported: a catalogue of real books (title, author, year and
// categories, as plain facts, and a sentence on what each is about), and synthetic
// readers with synthetic ratings. No person gave any of the ratings, and what is
// unavailable, and what is new, was chosen to show how that looks.
//
// data/books.csv is written by hand, except for its popularity, price and
// currency columns. The generate program in the folder below makes these columns
// and the other two files.
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

// Load parses the embedded data. Each call returns a new copy, which the caller
// may change. Books are sorted by id.
func Load() (*domain.Library, error) {
	lib := &domain.Library{Catalog: domain.Catalog{Version: version(booksFile)}}
	var err error
	if lib.Books, err = bookcsv.ReadAll("books.csv", strings.NewReader(booksFile), bookcsv.NewBookReader); err != nil {
		return nil, err
	}
	if lib.Ratings, err = bookcsv.ReadAll("ratings.csv", strings.NewReader(ratingsFile), bookcsv.NewRatingReader); err != nil {
		return nil, err
	}
	if lib.Samples, err = bookcsv.ReadAll("samples.csv", strings.NewReader(samplesFile), bookcsv.NewSampleReader); err != nil {
		return nil, err
	}
	slices.SortFunc(lib.Books, func(a, b domain.Book) int { return cmp.Compare(a.ID, b.ID) })
	if err := checkReferences(lib); err != nil {
		return nil, err
	}
	return lib, nil
}

// version returns a fingerprint of the books file.
func version(file string) string {
	sum := sha256.Sum256([]byte(file))
	return hex.EncodeToString(sum[:6])
}

// checkReferences checks that every rated book is in the catalogue, and that
// every sample reader has ratings.
func checkReferences(lib *domain.Library) error {
	known := make(map[int64]bool, len(lib.Books))
	for _, b := range lib.Books {
		known[b.ID] = true
	}
	readers := make(map[int64]bool)
	for _, r := range lib.Ratings {
		if !known[r.BookID] {
			return fmt.Errorf("ratings.csv: reader %d rated book %d, which is not in books.csv", r.UserID, r.BookID)
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
