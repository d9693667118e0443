package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/store"
)

// Files are the paths of the files to import. Each may be empty. Files may be
// compressed with gzip.
type Files struct {
	Books string // books in the project's format, or books.csv of goodbooks-10k
	// Shelves gives the books of goodbooks-10k their categories. It is a table of
	// shelf counts with one row per book, or book_tags.csv; then Tags is tags.csv.
	Shelves, Tags string
	Ratings       []string
	Samples       string
	Interactions  string
	Forgotten     string
	// Restore says that the files are an export, which may have visitors of the shop.
	Restore bool
}

// The names of the files of an export.
const (
	booksFile        = "books.csv"
	ratingsFile      = "ratings.csv"
	samplesFile      = "samples.csv"
	interactionsFile = "interactions.csv"
	forgottenFile    = "forgotten.csv"
)

// Exported returns the files of the export in a folder.
// Error: the folder has no books.csv.
func Exported(dir string) (Files, error) {
	f := Files{Books: filepath.Join(dir, booksFile), Restore: true}
	if _, err := os.Stat(f.Books); err != nil {
		return Files{}, fmt.Errorf("%s is not an export: %w", dir, err)
	}
	ifExists := func(name string) string {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return ""
		}
		return path // opening it will report any other error
	}
	if r := ifExists(ratingsFile); r != "" {
		f.Ratings = []string{r}
	}
	f.Samples, f.Interactions = ifExists(samplesFile), ifExists(interactionsFile)
	f.Forgotten = ifExists(forgottenFile) // exports of 0.1.0 do not have it
	return f, nil
}

// Options control an import.
type Options struct {
	Strict   bool        // fail at the first faulty row
	Report   func(error) // called for each faulty row, with a *bookcsv.RowError
	Progress Progress    // called every few thousand rows, and at the end of a file
	DropDemo bool        // see store.ImportRequest
}

// Summary counts what an import read and stored.
type Summary struct {
	Books, Ratings int64 // read
	Faulty         int64 // rows skipped
	store.ImportResult
}

// Importer is a store to import into.
type Importer interface {
	Catalog(ctx context.Context) (domain.Catalog, error)
	Import(ctx context.Context, req store.ImportRequest) (store.ImportResult, error)
}

// Import reads files and stores their contents in one transaction: after an
// error, or when ctx ends, nothing is stored.
//
// Errors: those of the files, and those of into.
func Import(ctx context.Context, into Importer, files Files, o Options) (Summary, error) {
	r := &reporting{strict: o.Strict, report: o.Report, progress: o.Progress}
	var sum Summary
	req := store.ImportRequest{DropDemo: o.DropDemo}
	catalog, err := readCatalog(ctx, r, into, files)
	if err != nil {
		return sum, err
	}
	if files.Books != "" {
		req.Catalog = &catalog
		sum.Books = int64(len(catalog.Books))
	}
	known := make(map[int64]bool, len(catalog.Books))
	for _, b := range catalog.Books {
		known[b.ID] = true
	}
	if len(files.Ratings) > 0 {
		req.Ratings = store.NewRatings()
		for _, path := range files.Ratings {
			if err := readRatings(ctx, r, path, known, files.Restore, req.Ratings); err != nil {
				return sum, err
			}
		}
		sum.Ratings = req.Ratings.Rows()
	}
	if files.Interactions != "" {
		if req.Interactions, err = readInteractions(ctx, r, files.Interactions, files.Restore); err != nil {
			return sum, err
		}
	}
	if files.Forgotten != "" {
		err := each(ctx, r, files.Forgotten, canonical(bookcsv.NewForgottenReader), func(one domain.ForgottenReader, at place) error {
			if one.Generation > domain.MaxGeneration {
				return at.wrong("generation", fmt.Sprintf("is above %d", domain.MaxGeneration))
			}
			req.Forgotten = append(req.Forgotten, one)
			return nil
		})
		if err != nil {
			return sum, err
		}
	}
	sum.Faulty = r.faulty
	sum.ImportResult, err = into.Import(ctx, req)
	return sum, err
}

// readCatalog returns the catalogue of the files, or that of the store when the
// files have no books.
func readCatalog(ctx context.Context, r *reporting, into Importer, files Files) (domain.Catalog, error) {
	if files.Books == "" {
		if files.Samples != "" {
			return domain.Catalog{}, errors.New("sample readers cannot be imported without books: import the books too")
		}
		c, err := into.Catalog(ctx)
		if err == nil && c.Version == "" {
			err = errors.New("the store has no books yet: import books too")
		}
		return c, err
	}
	books, err := readBooks(ctx, r, files)
	if err != nil {
		return domain.Catalog{}, err
	}
	if len(books) == 0 {
		return domain.Catalog{}, fmt.Errorf("%s has no books that can be imported", filepath.Base(files.Books))
	}
	c := domain.Catalog{Books: books}
	if files.Samples == "" {
		return c, nil
	}
	err = each(ctx, r, files.Samples, canonical(bookcsv.NewSampleReader), func(s domain.SampleReader, _ place) error {
		c.Samples = append(c.Samples, s)
		return nil
	})
	if err == nil && len(c.Samples) > domain.MaxSamples {
		err = fmt.Errorf("%s has %d sample readers, at most %d are allowed", filepath.Base(files.Samples), len(c.Samples), domain.MaxSamples)
	}
	return c, err
}

func readRatings(ctx context.Context, r *reporting, path string, known map[int64]bool, visitors bool, into *store.Ratings) error {
	return each(ctx, r, path, canonical(bookcsv.NewRatingReader), func(rating domain.Rating, at place) error {
		if !known[rating.BookID] {
			return at.wrong("book_id", fmt.Sprintf("%d is not a book of the catalogue", rating.BookID))
		}
		if reason := domain.CheckWriter(rating.UserID); reason != "" {
			return at.wrong("user_id", reason)
		}
		if !visitors && domain.IsVisitor(rating.UserID) {
			return at.visitor(rating.UserID)
		}
		into.Add(rating)
		return nil
	})
}

// readInteractions also accepts interactions with books that are not in the
// catalogue: a later catalogue may have them again.
func readInteractions(ctx context.Context, r *reporting, path string, visitors bool) (list []domain.Interaction, err error) {
	err = each(ctx, r, path, canonical(bookcsv.NewInteractionReader), func(i domain.Interaction, at place) error {
		if !visitors && domain.IsVisitor(i.UserID) {
			return at.visitor(i.UserID)
		}
		list = append(list, i)
		return nil
	})
	return list, err
}

// place is the file and line of a row.
type place struct {
	file string
	line int
}

func (p place) wrong(column, reason string) error {
	return &bookcsv.RowError{File: p.file, Line: p.line, Column: column, Reason: reason}
}

// visitor is the error of a row that names a visitor of the shop.
func (p place) visitor(id int64) error {
	return p.wrong("user_id", fmt.Sprintf("%d is an id of the shop's visitors (from %d to %d), which only import --from takes", id, int64(domain.FirstVisitor), int64(domain.LastVisitor)))
}
