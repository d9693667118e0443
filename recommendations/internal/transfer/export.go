package transfer

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/domain"
)

// Exporter is a store that can be read.
type Exporter interface {
	Catalog(ctx context.Context) (domain.Catalog, error)
	Histories(ctx context.Context, after int64, yield func(domain.Reader) error) (seq int64, err error)
	Interactions(ctx context.Context, yield func(domain.Interaction) error) error
}

// ExportSummary is what an export wrote.
type ExportSummary struct {
	Books, Ratings, Samples, Interactions int64
}

// Export writes all that a store holds but its models, which can be trained anew,
// into a folder: books.csv, ratings.csv, samples.csv and interactions.csv. The
// folder is made; files of an earlier export in it are an error. What is written
// appears under its name once all of it is.
func Export(ctx context.Context, from Exporter, dir string) (sum ExportSummary, err error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return sum, err
	}
	for _, name := range []string{booksFile, ratingsFile, samplesFile, interactionsFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return sum, fmt.Errorf("%s holds an export already: %s is there", dir, name)
		}
	}
	// Interactions first: what comes in meanwhile is then in the ratings at most,
	// where a restore does no harm by it.
	sum.Interactions, err = write(dir, interactionsFile, bookcsv.NewInteractionWriter, func(put func(domain.Interaction) error) error {
		return from.Interactions(ctx, put)
	})
	if err != nil {
		return sum, err
	}
	sum.Ratings, err = write(dir, ratingsFile, bookcsv.NewRatingWriter, func(put func(domain.Rating) error) error {
		return ratings(ctx, from, put)
	})
	if err != nil {
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
	// The books last: an export without them is not taken for one.
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

// ratings gives the stars of all readers, by reader.
func ratings(ctx context.Context, from Exporter, put func(domain.Rating) error) error {
	var readers []domain.Reader
	_, err := from.Histories(ctx, 0, func(r domain.Reader) error {
		readers = append(readers, r)
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(readers, func(a, b domain.Reader) int { return cmp.Compare(a.ID, b.ID) })
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

// write makes one file of the rows that fill puts, and counts them.
func write[T any](dir, name string, newWriter func(io.Writer) *bookcsv.Writer[T], fill func(put func(T) error) error) (rows int64, err error) {
	f, err := os.CreateTemp(dir, name+".*")
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	buffered := bufio.NewWriterSize(f, 1<<16)
	w := newWriter(buffered)
	err = fill(func(row T) error {
		rows++
		return w.Write(row)
	})
	if err != nil {
		return rows, fmt.Errorf("%s: %w", name, err)
	}
	if err := errors.Join(w.Flush(), buffered.Flush(), f.Sync()); err != nil {
		return rows, err
	}
	if err := f.Close(); err != nil {
		return rows, err
	}
	return rows, os.Rename(f.Name(), filepath.Join(dir, name))
}
