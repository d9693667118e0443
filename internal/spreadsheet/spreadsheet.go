// Package spreadsheet finds out how a table was written: its encoding, the character between
// its cells, and its columns whatever their spelling. The imports of recommendations and the
// files that readers bring to the shop share it.
package spreadsheet

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"io"
	"slices"
	"strings"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
)

// Separators are the characters that may stand between cells.
const Separators = ",;\t|"

// maxHeader bounds the part of a table in which its separator is looked for, in bytes.
const maxHeader = 1 << 15

// Begin returns the rows of a table in UTF-8, without the equals sign of cells such as ="042", the header first, with the separator that makes
// most cells of it, and how many lines before it are no part of the table: a line such as
// sep=; with which spreadsheets begin a file.
func Begin(text io.Reader) (rows *csv.Reader, skipped int) {
	buffered := bufio.NewReaderSize(text, 2*maxHeader)
	if start, _ := buffered.Peek(maxHeader); bytes.ContainsRune(start, '\r') && !bytes.ContainsRune(start, '\n') {
		buffered = bufio.NewReaderSize(transform.NewReader(buffered, runes.Map(lineFeed)), 2*maxHeader)
	}
	separator, ok := announced(firstLine(buffered))
	if ok {
		_, _ = buffered.ReadString('\n')
		skipped = 1
	} else {
		separator = separatorOf(firstLine(buffered))
	}
	rows = csv.NewReader(transform.NewReader(buffered, &quotedFormulas{separator: byte(separator)}))
	rows.ReuseRecord, rows.Comma = true, separator
	return rows, skipped
}

// Cell returns a text that no spreadsheet takes for a formula, as OWASP advises against CSV
// injection. It is for tables that people open, not for those that programs read back.
func Cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

// lineFeed replaces the end of a line as old spreadsheets write it.
func lineFeed(char rune) rune {
	if char == '\r' {
		return '\n'
	}
	return char
}

// firstLine returns the first line that is not empty, without consuming it.
func firstLine(r *bufio.Reader) string {
	start, _ := r.Peek(maxHeader)
	line, _, _ := bytes.Cut(bytes.TrimLeft(start, "\r\n"), []byte("\n"))
	return string(line)
}

// separatorOf returns the separator that makes most cells of a header.
func separatorOf(header string) rune {
	best, most := ',', 0
	for _, one := range Separators {
		r := csv.NewReader(strings.NewReader(header))
		r.Comma, r.LazyQuotes = one, true
		if cells, _ := r.Read(); len(cells) > most {
			best, most = one, len(cells)
		}
	}
	return best
}

// Blank reports whether a row has cells, and none has text. Spreadsheets write such rows below
// and between the others, also with more cells or fewer.
func Blank(cells []string) bool {
	return len(cells) > 0 && !slices.ContainsFunc(cells, func(cell string) bool { return strings.TrimSpace(cell) != "" })
}

// announced returns the separator of a line such as sep=; .
func announced(line string) (separator rune, ok bool) {
	line = strings.Trim(strings.TrimRight(line, "\r\n"), `"`)
	if len(line) != 5 || !strings.EqualFold(line[:4], "sep=") {
		return 0, false
	}
	separator = rune(line[4])
	return separator, strings.ContainsRune(Separators, separator)
}

// Key returns the letters and digits of the name of a column, in lower case: user_id,
// User-ID and userId are the same name.
func Key(name string) string {
	return strings.Map(func(char rune) rune {
		if char < 0x80 && (char < '0' || '9' < char) && (char < 'a' || 'z' < char) {
			return -1
		}
		return char
	}, strings.ToLower(name))
}
