package domain

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The ids of books and readers are numbers here. An id that is a text in the owner's files,
// such as a UUID or an e-mail address, has a number of this range, which JSON carries exactly.
const (
	FirstMapped = 1 << 51
	LastMapped  = 1<<52 - 1
)

// IsMapped reports whether an id is of the range of ids that are texts.
func IsMapped(id int64) bool { return id >= FirstMapped && id <= LastMapped }

// IDKind says what an id is of.
type IDKind string

// The kinds. The same text may be the id of a book and of a reader.
const (
	BookID   IDKind = "book"
	ReaderID IDKind = "reader"
)

// ExternalID is an id that is a text, and its number.
type ExternalID struct {
	Kind IDKind
	ID   int64
	Text string
}

// MaxExternalID bounds the text of an id, in characters.
const MaxExternalID = 255

// CheckExternalID returns why a text cannot be an id, "" if it can.
func CheckExternalID(text string) string {
	switch {
	case text == "":
		return "is empty"
	case !utf8.ValidString(text):
		return "is not UTF-8"
	case utf8.RuneCountInString(text) > MaxExternalID:
		return fmt.Sprintf("has more than %d characters", MaxExternalID)
	case strings.ContainsFunc(text, unicode.IsControl):
		return "has a control character"
	case strings.TrimSpace(text) != text:
		return "has white space at an end"
	case slices.Contains([]string{"null", "nan", "none", "n/a", "undefined", `\n`}, strings.ToLower(text)):
		return "stands for a missing id"
	}
	return ""
}

// ReadReaderID reads the id by which somebody calls a reader. number is 0 for a text; with
// isNumber false it is what digits with leading zeros would be. reason says why it is no id.
func ReadReaderID(text string) (number int64, isNumber bool, reason string) {
	if reason := CheckExternalID(text); reason != "" {
		return 0, false, reason
	}
	number, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil: // too many digits among them
		return 0, false, ""
	case number < 1:
		return 0, false, "is less than 1"
	case text[0] == '0' || text[0] == '+':
		return number, false, ""
	case IsMapped(number): // whose text must not be guessed from its number
		return 0, false, ""
	}
	return number, true, ""
}

// FirstChoice returns the number that a text gets unless another text has it. It depends on
// nothing else, so that stores agree without knowing each other.
func FirstChoice(kind IDKind, text string) int64 {
	sum := sha256.Sum256([]byte(string(kind) + "\x00" + text))
	return FirstMapped + int64(binary.BigEndian.Uint64(sum[:8])%(LastMapped-FirstMapped+1))
}

// NextChoice returns the number that is tried after one that another text has.
func NextChoice(id int64) int64 {
	if id == LastMapped {
		return FirstMapped
	}
	return id + 1
}

// Numbering gives numbers to the ids of one kind. It knows those of the store, and those that
// it gave out itself.
type Numbering struct {
	kind   IDKind
	byText map[string]int64
	byID   map[int64]string
	fresh  map[int64]bool // ids that the store does not have, and whether they are in use
	zeros  zeros
	only   bool // ids are numbers: a text is a mistake
	padded bool // there are digits with leading zeros that nothing is known of
	texts  bool // there are ids that can only be texts
}

// zeros is what digits with leading zeros are, such as 007.
type zeros uint8

const (
	zerosOpen   zeros = iota // a number, unless there are texts too: see Numbering.Mixed
	zerosNumber              // the number 7
	zerosText                // a text, which is not 7
)

// ErrNumbersOnly means that an id is a text, and all those of the store are numbers, so that it may be a
// typing mistake.
var ErrNumbersOnly = errors.New("the ids of the store are numbers")

// NewNumbering returns the numbering of a store with these ids; numbered says that it has ids
// of the kind that are plain numbers, too. If it has nothing else, texts are refused.
func NewNumbering(kind IDKind, stored []ExternalID, numbered bool) *Numbering {
	n := &Numbering{kind: kind, byText: map[string]int64{}, byID: map[int64]string{}, fresh: map[int64]bool{}}
	if numbered {
		n.zeros, n.only = zerosNumber, true
	}
	for _, one := range stored {
		if one.Kind != kind {
			continue
		}
		n.byText[one.Text], n.byID[one.ID], n.only = one.ID, one.Text, false
		if !numbered || digits(one.Text) && one.Text[0] == '0' {
			n.zeros = zerosText
		}
	}
	return n
}

// TakeTexts takes texts even if all ids of the store are numbers.
func (n *Numbering) TakeTexts() { n.only = false }

// Mixed reports whether some ids are digits with leading zeros, and others are texts, so that
// 007 and 7 are two ids, which were read as one: read everything again, with Split.
func (n *Numbering) Mixed() bool { return n.zeros == zerosOpen && n.padded && n.texts }

// Split returns a numbering that knows nothing, and for which 007 is a text.
func (n *Numbering) Split() *Numbering {
	split := NewNumbering(n.kind, nil, false)
	split.zeros = zerosText
	return split
}

func digits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

// Number returns the number of an id as it is in a file: that number, if it is one, or the one
// that the text has or gets.
func (n *Numbering) Number(text string) (int64, error) {
	v, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		n.texts = true
		return n.of(text)
	case err != nil: // too many digits
		return n.of(text)
	case v < 1:
		return 0, fmt.Errorf("%d is less than 1", v)
	case text[0] == '0':
		if id, known := n.byText[text]; known {
			return id, nil
		}
		n.padded = true
		if n.zeros == zerosText {
			return n.of(text)
		}
	case IsMapped(v) && n.byID[v] == "": // the number of no text: another text must not get it
		return n.of(text)
	}
	return v, nil
}

// of returns the number that a text has or gets.
func (n *Numbering) of(text string) (int64, error) {
	if id, known := n.byText[text]; known {
		return id, nil
	}
	if reason := CheckExternalID(text); reason != "" {
		return 0, fmt.Errorf("%.40q %s", text, reason)
	}
	if n.only {
		return 0, fmt.Errorf("%.40q is a text, but %w", text, ErrNumbersOnly)
	}
	id := FirstChoice(n.kind, text)
	for n.byID[id] != "" {
		id = NextChoice(id)
	}
	text = strings.Clone(text) // it may be a part of a whole row
	n.byText[text], n.byID[id], n.fresh[id] = id, text, false
	return id, nil
}

// Name notes that an id has a text. A plain number may get another text; a text keeps its
// number.
func (n *Numbering) Name(id int64, text string) error {
	if reason := CheckExternalID(text); reason != "" {
		return fmt.Errorf("%.40q %s", text, reason)
	}
	if other, known := n.byText[text]; known && other != id {
		return fmt.Errorf("%.40q is the id of %s %d already", text, n.kind, other)
	}
	before := n.byID[id]
	switch {
	case before == text:
		return nil
	case before != "" && IsMapped(id):
		return fmt.Errorf("%s %d has the id %.40q already", n.kind, id, before)
	}
	delete(n.byText, before)
	n.byText[text], n.byID[id], n.fresh[id] = id, text, false
	return nil
}

// Text returns the text of an id, "" for a plain number.
func (n *Numbering) Text(id int64) string { return n.byID[id] }

// Use notes that an id is going to be stored.
func (n *Numbering) Use(id int64) {
	if used, fresh := n.fresh[id]; fresh && !used {
		n.fresh[id] = true
	}
}

// Fresh reports whether the store does not have the text of an id.
func (n *Numbering) Fresh(id int64) bool {
	_, fresh := n.fresh[id]
	return fresh
}

// Used returns the ids in use that the store does not have, in order.
func (n *Numbering) Used() (list []ExternalID) {
	for id, used := range n.fresh {
		if used {
			list = append(list, ExternalID{Kind: n.kind, ID: id, Text: n.byID[id]})
		}
	}
	slices.SortFunc(list, func(a, b ExternalID) int { return cmp.Compare(a.ID, b.ID) })
	return list
}
