// Package libraryfile reads the files in which Goodreads and The StoryGraph give readers the
// books that they read, rated and want to read.
package libraryfile

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"bookstall/internal/spreadsheet"
)

// MaxRows is the most rows that a file may have.
const MaxRows = 20_000

// Errors of Read, beside those of its source.
var (
	ErrUnknown = errors.New("the first line has the columns of neither a Goodreads nor a StoryGraph export")
	ErrTooMany = fmt.Errorf("more than %d rows", MaxRows)
)

// Status is how far a reader is with a book.
type Status int

// The statuses.
const (
	Other Status = iota // a shelf of the reader's own, which may mean anything
	Read
	ToRead    // on the list, or begun
	Abandoned // not read to the end
)

// Row is one book of a file.
type Row struct {
	Title   string
	Authors string   // one or several
	ISBNs   []string // those that are not empty, as they are written
	Years   []int    // of this edition and of the first, as far as they are known
	Stars   int      // 1 to 5; 0 for none
	Status  Status
}

// File is what was read.
type File struct {
	Origin string // "Goodreads" or "The StoryGraph"
	Rows   []Row
	Faulty int     // rows that could not be read
	Faults []Fault // the first of them
}

// Fault says why a row could not be read, to the reader whose file it is.
type Fault struct {
	Line   int // on which the row begins, from 1
	Reason string
}

// mostFaults bounds how many faults of a file are kept.
const mostFaults = 20

func (f *File) fault(line int, reason string) {
	if f.Faulty++; len(f.Faults) < mostFaults {
		f.Faults = append(f.Faults, Fault{line, reason})
	}
}

// layout says which columns the files of one origin have.
type layout struct {
	origin         string
	title, authors string
	isbns, years   []string
	stars, status  string
}

func layouts() []layout {
	return []layout{
		{"Goodreads", "title", "author", []string{"isbn13", "isbn"}, []string{"originalpublicationyear", "yearpublished"}, "myrating", "exclusiveshelf"},
		{"The StoryGraph", "title", "authors", []string{"isbnuid"}, nil, "starrating", "readstatus"},
	}
}

// ReadFile reads a file. Errors: ErrUnknown, ErrTooMany, and those of the source.
func ReadFile(from io.Reader) (File, error) {
	table, skipped := spreadsheet.Begin(spreadsheet.NewDecoder(from))
	table.LazyQuotes, table.FieldsPerRecord = true, -1
	header, err := table.Read()
	if errors.Is(err, io.EOF) || errors.As(err, new(*csv.ParseError)) {
		return File{}, ErrUnknown
	}
	if err != nil {
		return File{}, err
	}
	columns := map[string]int{}
	for i, name := range header {
		if key := spreadsheet.Key(name); key != "" {
			columns[key] = i
		}
	}
	for _, l := range layouts() {
		if has(columns, l.title, l.authors, l.stars, l.status) {
			return l.read(table, columns, skipped)
		}
	}
	return File{}, ErrUnknown
}

func has(columns map[string]int, names ...string) bool {
	for _, name := range names {
		if _, ok := columns[name]; !ok {
			return false
		}
	}
	return true
}

// read reads the rows. Before the lines that table counts, the file has skipped ones.
func (l *layout) read(table *csv.Reader, columns map[string]int, skipped int) (File, error) {
	file := File{Origin: l.origin}
	for {
		cells, err := table.Read()
		if errors.Is(err, io.EOF) {
			return file, nil
		}
		if err == nil && spreadsheet.Blank(cells) {
			continue
		}
		if len(file.Rows)+file.Faulty == MaxRows {
			return File{}, ErrTooMany
		}
		if syntax, ok := errors.AsType[*csv.ParseError](err); ok {
			file.fault(syntax.StartLine+skipped, "it is no row of a table")
			continue
		}
		if err != nil {
			return File{}, err
		}
		row, wrong := l.row(cells, columns)
		if wrong != "" {
			line, _ := table.FieldPos(0)
			file.fault(line+skipped, wrong)
			continue
		}
		file.Rows = append(file.Rows, row)
	}
}

// row reads one row, or says what is wrong with it.
func (l *layout) row(cells []string, columns map[string]int) (row Row, wrong string) {
	cell := func(name string) string {
		i, ok := columns[name]
		if !ok || i >= len(cells) {
			return ""
		}
		return strings.Join(strings.Fields(cells[i]), " ")
	}
	// Cloned, so that a row does not keep the memory of the whole line, with its review.
	row = Row{Title: strings.Clone(cell(l.title)), Authors: strings.Clone(cell(l.authors)), Status: status(cell(l.status))}
	for _, name := range l.isbns {
		if isbn := strings.Trim(cell(name), `=" `); isbn != "" { // Goodreads writes ="9780439023481"
			row.ISBNs = append(row.ISBNs, strings.Clone(isbn))
		}
	}
	for _, name := range l.years {
		if year, err := strconv.Atoi(cell(name)); err == nil && year != 0 {
			row.Years = append(row.Years, year)
		}
	}
	var ok bool
	switch row.Stars, ok = stars(cell(l.stars)); {
	case row.Title == "":
		return Row{}, "it has no title"
	case !ok:
		return Row{}, fmt.Sprintf("its rating, “%.20s”, is not a number from 0 to 5", cell(l.stars))
	}
	return row, ""
}

// stars reads a rating of 0 to 5, in steps of a quarter on The StoryGraph, as whole stars: the
// nearest, and the higher one of two. Nothing and 0 are no rating.
func stars(cell string) (n int, ok bool) {
	if cell == "" {
		return 0, true
	}
	rating, err := strconv.ParseFloat(strings.Replace(cell, ",", ".", 1), 64)
	if err != nil || !(0 <= rating && rating <= 5) {
		return 0, false
	}
	if rating == 0 {
		return 0, true
	}
	return max(1, int(math.Floor(rating+0.5))), true
}

func status(word string) Status {
	switch strings.ToLower(word) {
	case "to-read", "currently-reading", "paused":
		return ToRead
	case "did-not-finish", "dnf", "abandoned":
		return Abandoned
	case "read":
		return Read
	default:
		return Other
	}
}
