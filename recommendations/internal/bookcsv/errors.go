package bookcsv

import (
	"errors"
	"fmt"
	"strconv"
)

// errRecordTooLong ends the reading: the quote of a cell that is never closed
// would otherwise make the rest of the file one row.
var errRecordTooLong = errors.New("a row is longer than 1 MiB: is a quote not closed?")

// RowError reports a faulty row of a file. The rows after it can still be read.
type RowError struct {
	File   string
	Line   int    // counted from 1
	Column string // empty when the row as a whole is faulty
	Reason string
	// Swallowed is the number of rows that a misplaced quote made part of this one, and that
	// are lost. Where the cells are not known, it is the number of lines.
	Swallowed int
	ID        int64 // unique id of the row; 0 if it cannot be known
}

// Error returns a message such as `books.csv:17: year: "19x9" is not a whole number`.
func (e *RowError) Error() string {
	if e.Column == "" {
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Reason)
	}
	return fmt.Sprintf("%s:%d: %s: %s", e.File, e.Line, e.Column, e.Reason)
}

// quote quotes a value for an error message, and shortens it: a cell can hold a
// whole page.
func quote(value string) string {
	const most = 40
	shown := 0
	for i := range value {
		if shown == most {
			return strconv.Quote(value[:i] + "…")
		}
		shown++
	}
	return strconv.Quote(value)
}
