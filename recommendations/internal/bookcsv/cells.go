package bookcsv

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"bookstall/recommendations/internal/domain"
)

// The functions below parse one cell. Their errors are the reason only; the
// reader puts the column's name in front.

var errEmpty = errors.New("is empty")

// bare returns a cell without the form ="0123" in which spreadsheets are told to keep zeros.
func bare(cell string) string {
	if inner, ok := strings.CutPrefix(cell, `="`); ok {
		return strings.TrimSuffix(inner, `"`)
	}
	return cell
}

// withoutFraction returns a whole number that is written as a fraction, such as 7.0, without
// it.
func withoutFraction(cell string) string {
	if whole, fraction, ok := strings.Cut(cell, "."); ok && fraction != "" && strings.Trim(fraction, "0") == "" {
		return whole
	}
	return cell
}

func parseWhole(cell string) (int64, error) {
	cell = withoutFraction(bare(cell))
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

// parseID parses an id, which ids gives a number if it is a text. If ids is nil, it must be a
// number.
func parseID(into *int64, ids *domain.Numbering, cell string) (err error) {
	if n, ok := plainID(cell); ok { // nearly all of millions
		*into = n
		return nil
	}
	if ids != nil && cell != "" {
		text := bare(cell)
		if number := withoutFraction(text); consists(number, isDigit) {
			text = number
		}
		if *into, err = ids.Number(text); errors.Is(err, domain.ErrNumbersOnly) {
			return fmt.Errorf("%w: --text-ids takes it all the same", err)
		}
		return err
	}
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

// plainID returns the number of an id that is one in any case: of few digits, without zeros
// before them.
func plainID(cell string) (n int64, ok bool) {
	if len(cell) == 0 || len(cell) > 15 || cell[0] == '0' { // numbers of texts have 16 digits
		return 0, false
	}
	for i := range len(cell) {
		if !isDigit(cell[i]) {
			return 0, false
		}
		n = 10*n + int64(cell[i]-'0')
	}
	return n, true
}

// parseBookID also returns the id as a text, if it is one.
func parseBookID(ids *domain.Numbering, cell string) (id int64, text string, err error) {
	if err := parseID(&id, ids, cell); err != nil || ids == nil {
		return id, "", err
	}
	return id, ids.Text(id), nil
}

// parseExternalID parses the text of an id beside the number that it has in the store, which
// is how an export writes both.
func parseExternalID(ids *domain.Numbering, b *domain.Book, cell string) error {
	cell = bare(cell)
	if cell == "" || cell == b.ExternalID || cell == strconv.FormatInt(b.ID, 10) {
		return nil
	}
	if ids == nil {
		if reason := domain.CheckExternalID(cell); reason != "" {
			return fmt.Errorf("%s %s", quote(cell), reason)
		}
		b.ExternalID = cell
		return nil
	}
	// A number of the range of texts that the store does not know was read as a text.
	id, err := strconv.ParseInt(b.ExternalID, 10, 64)
	if err != nil || !domain.IsMapped(id) {
		id = b.ID
	}
	if err := ids.Name(id, cell); err != nil {
		return err
	}
	b.ID, b.ExternalID = id, cell
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

// errUnrated: 0 stars or none, by which others say that there is no rating.
var errUnrated = errors.New("is not rated")

// parseStars parses a rating of 1 to 5 stars.
func parseStars(into *int, cell string) (err error) {
	if len(cell) == 1 && cell[0] >= '1' && cell[0] <= '5' { // nearly all of millions
		*into = int(cell[0] - '0')
		return nil
	}
	*into, err = scaled(cell, 5)
	return err
}

// scaled converts a rating up to highest to 1 to 5 stars. Half a star does not make a star
// full: 3.5 of 5 is 3 stars, which are no like.
func scaled(cell string, highest float64) (stars int, err error) {
	if cell == "" {
		return 0, errUnrated
	}
	v, err := strconv.ParseFloat(strings.Replace(bare(cell), ",", ".", 1), 64)
	switch {
	case err != nil || math.IsNaN(v):
		return 0, fmt.Errorf("%s is not a number", quote(cell))
	case v == 0:
		return 0, errUnrated
	case v < 0:
		return 0, fmt.Errorf("%s is less than 0", quote(cell))
	case v > highest && v <= 10:
		return 0, fmt.Errorf("%s is above %g: ratings up to 10 need --scale=10", quote(cell), highest)
	case v > highest:
		return 0, fmt.Errorf("%s is above %g: if that is not the highest rating, say so with --scale", quote(cell), highest)
	}
	return max(1, int(math.Ceil(v*5/highest-0.5))), nil
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

// formatKnown writes a number of which 0 is unknown.
func formatKnown(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// parsePages takes 0, by which sets mean an unknown number, for an empty cell.
func parsePages(into *int, cell string) error {
	if cell == "" {
		return nil
	}
	n, err := parseWhole(cell)
	if err != nil {
		return err
	}
	if n < 0 || n > maxPages {
		return fmt.Errorf("%d is not between 1 and %d", n, maxPages)
	}
	*into = int(n)
	return nil
}

// parseStock keeps an empty cell, which is unknown, apart from 0.
func parseStock(into **int64, cell string) error {
	if cell == "" {
		return nil
	}
	n, err := parseWhole(cell)
	if err != nil {
		return err
	}
	if n < 0 || n > maxStock {
		return fmt.Errorf("%d is not between 0 and %d", n, maxStock)
	}
	*into = &n
	return nil
}

func formatStock(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

func parseYesNo(into *bool, cell string) error {
	switch strings.ToLower(cell) {
	case "yes", "true", "1":
		*into = true
	case "", "no", "false", "0":
		*into = false
	default:
		return fmt.Errorf("%s is neither yes nor no", quote(cell))
	}
	return nil
}

func formatYes(yes bool) string {
	if yes {
		return "yes"
	}
	return ""
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
