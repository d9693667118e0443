// Command generate makes the synthetic part of the embedded data: ratings.csv,
// samples.csv, and the popularity, price and currency columns of books.csv. It
// leaves the other columns of books.csv unchanged.
//
//	go generate ./recommendations/internal/sample
//
// The same books give the same bytes on every machine: all draws come from a
// fixed seed, and all arithmetic is on integers, because floating-point results
// may differ between processors.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/domain"
)

const (
	// seed is arbitrary; another one gives other readers of the same kind.
	seed = 20_261
	// readers is how many synthetic readers there are; their ids are 1 to readers.
	readers = 1200
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("generate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("dir", "data", "folder of books.csv, to which all three files are written")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	root, err := os.OpenRoot(*dir)
	if err != nil {
		return err
	}
	defer root.Close()
	content, err := root.ReadFile("books.csv")
	if err != nil {
		return err
	}
	name := filepath.Join(*dir, "books.csv")
	books, err := bookcsv.ReadAll(name, bytes.NewReader(content), bookcsv.NewBookReader)
	if err != nil {
		return err
	}
	catalogue, err := newCatalogue(books)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	var ratings []domain.Rating
	var people []reader
	for id := range int64(readers) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		person, err := newReader(catalogue, id+1)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		people = append(people, person)
		ratings = append(ratings, person.ratings...)
	}
	samples, err := chooseSamples(catalogue, people)
	if err != nil {
		return err
	}
	fillColumns(books, ratings)
	if err := writeFiles(root, books, ratings, samples); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%d books, %d synthetic readers, %d ratings, %d sample readers\n",
		len(books), len(people), len(ratings), len(samples))
	return nil
}

// fillColumns sets the columns that are synthetic: popularity, price and currency.
func fillColumns(books []domain.Book, ratings []domain.Rating) {
	liked := make(map[int64]int64)
	for _, r := range ratings {
		if r.Stars >= domain.PositiveStars {
			liked[r.BookID]++
		}
	}
	for i := range books {
		b := &books[i]
		b.Popularity = liked[b.ID]
		b.Price, b.Currency = priceOf(*b), "EUR"
	}
}
