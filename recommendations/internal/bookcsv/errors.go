package bookcsv

import (
	"errors"
	"fmt"
	"strconv"
)

// errRecordTooLong ends the reading: a quote that is never closed would make
// the rest of the file one record.
var errRecordTooLong = errors.New("a row is longer than 1 MiB: is a quote not closed?")

// RowError says which row of a file is faulty, and why. The rows after it can
// still be read.
type RowError struct {
	File   string
	Line   int    // the first is 1
	Column string // empty when the row as a whole is faulty
	Reason string
}

// Error reads like `books.csv:17: year: "19x9" is not a whole number`.
func (e *RowError) Error() string {
	if e.Column == "" {
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Reason)
	}
	return fmt.Sprintf("%s:%d: %s: %s", e.File, e.Line, e.Column, e.Reason)
}

// quote shortens the value, because a cell can be a whole page.
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
