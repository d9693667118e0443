package bookcsv

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"bookstall/recommendations/internal/domain"
)

// InteractionReader reads an interactions.csv.
type InteractionReader = Reader[domain.Interaction]

// InteractionWriter writes an interactions.csv.
type InteractionWriter = Writer[domain.Interaction]

// NewInteractionReader reads the header of an interactions.csv. Errors call the
// file name.
func NewInteractionReader(name string, r io.Reader) (*InteractionReader, error) {
	return newReader(name, r, interactionFormat())
}

// NewInteractionWriter returns a writer of an interactions.csv. The caller must
// call Flush at the end.
func NewInteractionWriter(w io.Writer) *InteractionWriter {
	return newWriter(w, interactionFormat())
}

func interactionFormat() format[domain.Interaction] {
	type interaction = domain.Interaction
	return format[interaction]{
		check: checkInteraction,
		columns: []column[interaction]{
			{
				name:  "user_id",
				parse: func(i *interaction, cell string) error { return parseID(&i.UserID, cell) },
				text:  func(i *interaction) string { return strconv.FormatInt(i.UserID, 10) },
			},
			{
				name:  "book_id",
				parse: func(i *interaction, cell string) error { return parseID(&i.BookID, cell) },
				text:  func(i *interaction) string { return strconv.FormatInt(i.BookID, 10) },
			},
			{
				name: "kind",
				parse: func(i *interaction, cell string) (err error) {
					i.Kind, err = domain.ParseKind(cell)
					return err
				},
				text: func(i *interaction) string { return i.Kind.String() },
			},
			{
				name: "rating",
				parse: func(i *interaction, cell string) error {
					if cell == "" {
						return nil
					}
					return parseStars(&i.Stars, cell)
				},
				text: func(i *interaction) string {
					if i.Stars == 0 {
						return ""
					}
					return strconv.Itoa(i.Stars)
				},
			},
			{
				name: "id",
				parse: func(i *interaction, cell string) error {
					i.ID = cell
					return nil
				},
				text: func(i *interaction) string { return i.ID },
			},
			{
				name:  "at",
				parse: func(i *interaction, cell string) error { return parseTime(&i.At, cell) },
				text:  func(i *interaction) string { return i.At.UTC().Format(timeLayout) },
			},
		},
	}
}

// checkInteraction applies the rules of the domain.
func checkInteraction(i *domain.Interaction) *fault {
	wrong, ok := errors.AsType[*domain.FieldError](i.Validate())
	if !ok {
		return nil
	}
	return &fault{column: wrong.Field, reason: wrong.Reason}
}

// timeLayout is RFC 3339 in UTC, with microseconds.
const timeLayout = "2006-01-02T15:04:05.000000Z"

func parseTime(into *time.Time, cell string) error {
	t, err := time.Parse(time.RFC3339Nano, cell)
	if err != nil {
		return fmt.Errorf("%s is not a time of the form 2026-11-21T10:00:00Z", quote(cell))
	}
	// Converted to UTC, a time in the year 9999 can fall in the year 10000, which
	// RFC 3339 cannot express, and one in the year 0 in the year -1.
	if t = t.UTC().Truncate(time.Microsecond); t.Year() < 1 || t.Year() > 9999 {
		return fmt.Errorf("%s is not in the years 1 to 9999 in UTC", quote(cell))
	}
	*into = t
	return nil
}
