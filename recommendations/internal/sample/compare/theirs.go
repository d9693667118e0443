package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// entry is one book of the other catalogue.
type entry struct {
	line    int
	titles  []string // the title, and the original one where the file has it
	authors []string // as listed
	year    int      // 0 when the file does not say
}

// columns says where in a row the facts are; -1 is nowhere.
type columns struct{ title, original, author, year int }

func loadTheirs(ctx context.Context, name string) ([]entry, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := decompress(bufio.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	entries, err := parseTheirs(ctx, content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return entries, nil
}

// decompress goes by the first bytes, not by the name.
func decompress(content *bufio.Reader) (io.Reader, error) {
	if start, _ := content.Peek(2); string(start) == "\x1f\x8b" {
		return gzip.NewReader(content)
	}
	return content, nil
}

func parseTheirs(ctx context.Context, content io.Reader) ([]entry, error) {
	rows := csv.NewReader(content)
	header, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the file is empty")
	} else if err != nil {
		return nil, err
	}
	at, err := findColumns(header)
	if err != nil {
		return nil, err
	}
	var entries []entry
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return entries, nil
		} else if err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		line, _ := rows.FieldPos(0)
		year, err := parseYear(row[at.year])
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		e := entry{line: line, titles: []string{row[at.title]}, authors: splitAuthors(row[at.author]), year: year}
		if at.original >= 0 && row[at.original] != "" {
			e.titles = append(e.titles, row[at.original])
		}
		entries = append(entries, e)
	}
}

func findColumns(header []string) (columns, error) {
	place := make(map[string]int, len(header))
	for i, name := range header {
		place[strings.TrimPrefix(strings.TrimSpace(name), "\uFEFF")] = i
	}
	find := func(names ...string) int {
		for _, name := range names {
			if i, ok := place[name]; ok {
				return i
			}
		}
		return -1
	}
	at := columns{
		title:    find("title"),
		original: find("original_title"),
		author:   find("authors", "author"),
		year:     find("original_publication_year", "year"),
	}
	if at.title < 0 || at.author < 0 || at.year < 0 {
		return at, fmt.Errorf("columns title, author (or authors) and year (or original_publication_year) are needed, there are %s",
			strings.Join(header, ","))
	}
	return at, nil
}

// parseYear accepts 1937.0, which is what data frames write when some other
// row has no year.
func parseYear(cell string) (int, error) {
	cell = strings.TrimSuffix(strings.TrimSpace(cell), ".0")
	if cell == "" {
		return 0, nil
	}
	year, err := strconv.Atoi(cell)
	if err != nil {
		return 0, fmt.Errorf("the year %q is not a whole number", cell)
	}
	return year, nil
}

func splitAuthors(cell string) []string {
	var authors []string
	for _, name := range strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune(",;/&", r) }) {
		if name = strings.TrimSpace(name); name != "" {
			authors = append(authors, name)
		}
	}
	return authors
}
