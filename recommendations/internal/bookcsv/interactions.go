package bookcsv

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"bookstall/recommendations/internal/domain"
)

// InteractionReader reads an interactions.csv.
type InteractionReader = Reader[domain.Interaction]

// InteractionWriter writes an interactions.csv.
type InteractionWriter = Writer[domain.Interaction]

// NewInteractionWriter returns a writer of an interactions.csv. The caller must
// call Flush at the end.
func NewInteractionWriter(w io.Writer) *InteractionWriter {
	return newWriter(w, interactionFormat(nil, nil, 0))
}

// interactionFormat takes rows that say neither a kind nor a rating for ones of a kind; 0 for likes.
func interactionFormat(readers, books *domain.Numbering, kind domain.Kind) format[domain.Interaction] {
	type interaction = domain.Interaction
	var unkinded int64
	return format[interaction]{
		check: func(i *interaction) *fault {
			without := i.Kind == 0 && i.Stars == 0
			if without {
				i.Kind = cmp.Or(kind, domain.Like)
			}
			wrong := checkInteraction(i)
			if without && wrong == nil {
				unkinded++
			}
			return wrong
		},
		note: func(s *Shape) { s.Unkinded = unkinded },
		columns: []column[interaction]{
			{
				name:  "user_id",
				parse: func(i *interaction, cell string) error { return parseID(&i.UserID, readers, cell) },
				text:  func(i *interaction) string { return strconv.FormatInt(i.UserID, 10) },
			},
			{
				name:  "book_id",
				parse: func(i *interaction, cell string) error { return parseID(&i.BookID, books, cell) },
				text:  func(i *interaction) string { return strconv.FormatInt(i.BookID, 10) },
			},
			{
				name: "kind", optional: true,
				parse: func(i *interaction, cell string) (err error) {
					if cell != "" {
						i.Kind, err = domain.ParseKind(strings.ToLower(cell))
					}
					return err
				},
				text: func(i *interaction) string { return i.Kind.String() },
			},
			{
				name: "rating", optional: true,
				parse: func(i *interaction, cell string) error {
					if err := parseStars(&i.Stars, cell); !errors.Is(err, errUnrated) {
						return err
					}
					return nil
				},
				text: func(i *interaction) string {
					if i.Stars == 0 {
						return ""
					}
					return strconv.Itoa(i.Stars)
				},
			},
			{
				name: "id", optional: true,
				parse: func(i *interaction, cell string) error {
					i.ID = cell
					return nil
				},
				text: func(i *interaction) string { return i.ID },
			},
			{
				name: "at", optional: true,
				parse: func(i *interaction, cell string) error {
					if cell == "" {
						return nil
					}
					if err := parseTime(&i.At, cell); err != nil {
						return err
					}
					if i.At.IsZero() { // which would be the time of the import
						return fmt.Errorf("%s is how other programs write that they know no time: leave the cell empty", quote(cell))
					}
					return nil
				},
				text: func(i *interaction) string { return i.At.UTC().Format(timeLayout) },
			},
		},
	}
}

// checkInteraction completes an interaction with stars and no kind, or without an id, and
// applies the rules of the domain.
func checkInteraction(i *domain.Interaction) *fault {
	if i.Kind == 0 {
		i.Kind = domain.Rate
	}
	if i.ID == "" { // the same at each import of the file
		sum := sha256.Sum256(fmt.Appendf(nil, "%d %d %v %d %d", i.UserID, i.BookID, i.Kind, i.Stars, i.At.UnixMicro()))
		i.ID = "file:" + hex.EncodeToString(sum[:10])
	}
	wrong, ok := errors.AsType[*domain.FieldError](i.Validate())
	if !ok {
		return nil
	}
	return &fault{column: wrong.Field, reason: wrong.Reason}
}

// timeLayout is RFC 3339 in UTC, with microseconds.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// timeLayouts are the forms in which others write times. Those without a zone are in UTC.
func timeLayouts() []string {
	return []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999", time.DateTime, "2006-01-02 15:04", time.DateOnly, "2006/01/02"}
}

func parseTime(into *time.Time, cell string) error {
	var t time.Time
	err := errEmpty
	for _, layout := range timeLayouts() {
		if t, err = time.Parse(layout, cell); err == nil {
			break
		}
	}
	if n, wrong := strconv.ParseInt(cell, 10, 64); wrong == nil && n >= firstUnix {
		if t, err = time.Unix(n, 0), nil; n >= firstUnix*1000 {
			t = time.UnixMilli(n)
		}
	}
	if err != nil {
		return fmt.Errorf("%s is not a time of the form 2026-11-21T10:00:00Z, 2026-11-21 10:00:00, 2026-11-21, or seconds since 1970", quote(cell))
	}
	// Converted to UTC, a time in the year 9999 can fall in the year 10000, which
	// RFC 3339 cannot express, and one in the year 0 in the year -1.
	if t = t.UTC().Truncate(time.Microsecond); t.Year() < 1 || t.Year() > 9999 {
		return fmt.Errorf("%s is not in the years 1 to 9999 in UTC", quote(cell))
	}
	*into = t
	return nil
}

// firstUnix is the least number that is read as seconds since 1970, in the year 1973: fewer
// digits may be a year or a day. A thousand times as many are milliseconds.
const firstUnix = 100_000_000
