// Command compare checks the facts of a books.csv, that of the embedded data
// unless another is named: it looks up each book in a second catalogue and says
// where title, author or year (by more than one) differ. Which of the two is
// right is for a person to find out.
//
//	go run ./recommendations/internal/sample/compare [-books FILE] FILE
//
// FILE has columns of goodbooks-10k (title, original_title, authors,
// original_publication_year) or those of docs/data-formats.md, and may be
// compressed by gzip. The exit status is 0 unless a file cannot be read.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/library"
	"bookstall/recommendations/internal/sample"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: compare [-books FILE] FILE")
		flags.PrintDefaults()
	}
	oursName := flags.String("books", "", "the books.csv to check; the embedded one when empty")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if flags.NArg() != 1 {
		flags.Usage()
		return errors.New("name one file to compare with")
	}
	ours, err := loadOurs(*oursName)
	if err != nil {
		return err
	}
	theirs, err := loadTheirs(ctx, flags.Arg(0))
	if err != nil {
		return err
	}
	out := bufio.NewWriter(stdout)
	report(out, ours, newIndex(theirs))
	return out.Flush()
}

func loadOurs(name string) ([]library.Book, error) {
	if name == "" {
		lib, err := sample.Load()
		if err != nil {
			return nil, err
		}
		return lib.Books, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	reader, err := bookcsv.NewBookReader(name, file)
	if err != nil {
		return nil, err
	}
	var books []library.Book
	for b, err := range reader.All() {
		if err != nil {
			return nil, err
		}
		books = append(books, b)
	}
	return books, nil
}
