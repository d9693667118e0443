package bookcsv

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The functions below parse one cell. Their errors are the reason only; the
// reader puts the column's name in front.

var errEmpty = errors.New("is empty")

func parseWhole(cell string) (int64, error) {
	n, err := strconv.ParseInt(cell, 10, 64)
	switch {
	case cell == "":
		return 0, errEmpty
	case errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%s is too large", quote(cell))
	case err != nil:
		return 0, fmt.Errorf("%s is not a whole number", quote(cell))
	}
	return n, nil
}

func parseID(into *int64, cell string) error {
	n, err := parseWhole(cell)
	if err != nil {
		return err
	}
	if n < 1 {
		return fmt.Errorf("%d is less than 1", n)
	}
	*into = n
	return nil
}

func parseCount(into *int64, cell string) error {
	if cell == "" {
		return nil
	}
	n, err := parseWhole(cell)
	if err != nil {
		return err
	}
	if n < 0 {
		return fmt.Errorf("%d is less than 0", n)
	}
	if n > maxPopularity {
		return fmt.Errorf("%d is more than %d", n, int64(maxPopularity))
	}
	*into = n
	return nil
}

func parseStars(into *int, cell string) error {
	n, err := parseWhole(cell)
	if err != nil {
		return err
	}
	if n < 1 || n > 5 {
		return fmt.Errorf("%d is not between 1 and 5", n)
	}
	*into = int(n)
	return nil
}

// parseYear accepts an empty cell for an unknown year. It refuses 0 rather than
// read it as unknown: there is no year 0, so another program made a mistake.
func parseYear(into *int, cell string) error {
	if cell == "" {
		return nil
	}
	n, err := parseWhole(cell)
	if err != nil {
		return err
	}
	if n == 0 {
		return errors.New("there is no year 0; leave the cell empty when the year is not known")
	}
	if n < minYear || n > maxYear {
		return fmt.Errorf("%d is not between %d and %d", n, minYear, maxYear)
	}
	*into = int(n)
	return nil
}

func formatYear(year int) string {
	if year == 0 {
		return ""
	}
	return strconv.Itoa(year)
}

// parseName parses one line of text that must not be empty.
func parseName(into *string, cell string, most int) error {
	if cell == "" {
		return errEmpty
	}
	return parseLine(into, cell, most)
}

// parseLine parses one line of text, which may be empty.
func parseLine(into *string, cell string, most int) error {
	if strings.ContainsAny(cell, "\n\t") {
		return errors.New("has a line break or a tab")
	}
	return parseText(into, cell, most)
}

// parseText parses text that may have several lines. It refuses carriage returns,
// because CSV readers drop one before a line feed.
func parseText(into *string, cell string, most int) error {
	if !utf8.ValidString(cell) {
		return fmt.Errorf("%s is not UTF-8", quote(cell))
	}
	for _, char := range cell {
		if unicode.IsControl(char) && char != '\n' && char != '\t' {
			return fmt.Errorf("%s has the control character %U", quote(cell), char)
		}
	}
	if n := utf8.RuneCountInString(cell); n > most {
		return fmt.Errorf("has %d characters, at most %d are allowed", n, most)
	}
	*into = cell
	return nil
}
