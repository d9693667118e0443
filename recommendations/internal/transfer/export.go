package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"bookstall/internal/atomicfile"
	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/store"
)

// Exporter is a store to export.
type Exporter interface {
	Catalog(ctx context.Context) (domain.Catalog, error)
	Histories(ctx context.Context, after store.Position, yield func(domain.Reader) error) (store.Position, error)
	Interactions(ctx context.Context, yield func(domain.Interaction) error) error
	ExternalIDs(ctx context.Context) (ids []domain.ExternalID, numberedReaders bool, err error)
}

// ExportSummary counts the rows that an export wrote.
type ExportSummary struct {
	Books, Ratings, Samples, Interactions int64
}

// ErrExported is the error of a folder that has an export already.
var ErrExported = errors.New("contains an export already")

// Export writes the contents of a store, except for its models, which can be
// trained again, to a folder: books.csv, ratings.csv, samples.csv,
// interactions.csv, forgotten.csv and readers.csv. It creates the folder. Each file appears under its name once it
// is complete and synced.
//
// Errors: ErrExported, and those of the files and the store.
func Export(ctx context.Context, from Exporter, dir string) (sum ExportSummary, err error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return sum, err
	}
	for _, name := range []string{booksFile, ratingsFile, samplesFile, interactionsFile, forgottenFile, readersFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return sum, fmt.Errorf("%s %w: %s exists", dir, ErrExported, name)
		}
	}
	// Interactions come first: those that are stored during the export can then
	// only be missing here and present in the ratings, which a restore tolerates.
	sum.Interactions, err = write(dir, interactionsFile, bookcsv.NewInteractionWriter, func(put func(domain.Interaction) error) error {
		return from.Interactions(ctx, put)
	})
	if err != nil {
		return sum, err
	}
	readers, err := allReaders(ctx, from)
	if err != nil {
		return sum, err
	}
	sum.Ratings, err = write(dir, ratingsFile, bookcsv.NewRatingWriter, func(put func(domain.Rating) error) error {
		return ratings(readers, put)
	})
	if err != nil {
		return sum, err
	}
	if _, err = write(dir, forgottenFile, bookcsv.NewForgottenWriter, list(forgotten(readers))); err != nil {
		return sum, err
	}
	ids, _, err := from.ExternalIDs(ctx)
	if err != nil {
		return sum, err
	}
	ids = slices.DeleteFunc(ids, func(one domain.ExternalID) bool { return one.Kind != domain.ReaderID })
	if _, err = write(dir, readersFile, bookcsv.NewReaderIDWriter, list(ids)); err != nil {
		return sum, err
	}
	catalog, err := from.Catalog(ctx)
	if err != nil {
		return sum, err
	}
	sum.Samples, err = write(dir, samplesFile, bookcsv.NewSampleWriter, list(catalog.Samples))
	if err != nil {
		return sum, err
	}
	// Books come last: Exported refuses a folder without them.
	sum.Books, err = write(dir, booksFile, bookcsv.NewBookWriter, list(catalog.Books))
	return sum, err
}

func list[T any](rows []T) func(func(T) error) error {
	return func(put func(T) error) error {
		for _, row := range rows {
			if err := put(row); err != nil {
				return err
			}
		}
		return nil
	}
}

// allReaders returns all readers, by id.
func allReaders(ctx context.Context, from Exporter) (readers []domain.Reader, err error) {
	_, err = from.Histories(ctx, store.Position{}, func(r domain.Reader) error {
		readers = append(readers, r)
		return nil
	})
	slices.SortFunc(readers, func(a, b domain.Reader) int { return cmp.Compare(a.ID, b.ID) })
	return readers, err
}

// forgotten returns those of some readers who were forgotten.
func forgotten(readers []domain.Reader) (list []domain.ForgottenReader) {
	for _, r := range readers {
		if r.Generation > domain.FirstGeneration {
			list = append(list, domain.ForgottenReader{ID: r.ID, Generation: r.Generation})
		}
	}
	return list
}

// ratings calls put with the ratings of readers.
func ratings(readers []domain.Reader, put func(domain.Rating) error) error {
	for _, r := range readers {
		history, err := domain.DecodeHistory(r.History)
		if err != nil {
			return fmt.Errorf("reader %d: %w", r.ID, err)
		}
		for _, e := range history {
			if e.Stars == 0 {
				continue
			}
			if err := put(domain.Rating{UserID: r.ID, BookID: e.BookID, Stars: e.Stars}); err != nil {
				return err
			}
		}
	}
	return nil
}

// write writes a file of the rows with which fill calls put, and counts them.
func write[T any](dir, name string, newWriter func(io.Writer) *bookcsv.Writer[T], fill func(put func(T) error) error) (rows int64, err error) {
	err = atomicfile.Write(filepath.Join(dir, name), 0o600, func(to io.Writer) error {
		w := newWriter(to)
		err := fill(func(row T) error {
			rows++
			return w.Write(row)
		})
		if err == nil {
			err = w.Flush()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	return rows, err
}
