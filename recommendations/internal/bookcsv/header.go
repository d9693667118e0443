package bookcsv

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// separators are the characters that may stand between cells.
const separators = ",;\t|"

// separatorOf returns the separator that makes most cells of a header.
func separatorOf(header string) rune {
	best, most := ',', 0
	for _, one := range separators {
		r := csv.NewReader(strings.NewReader(header))
		r.Comma, r.LazyQuotes = one, true
		if cells, _ := r.Read(); len(cells) > most {
			best, most = one, len(cells)
		}
	}
	return best
}

// announced returns the separator of a line such as sep=; with which spreadsheets begin a
// file.
func announced(line string) (separator rune, ok bool) {
	line = strings.Trim(strings.TrimRight(line, "\r\n"), `"`)
	if len(line) != 5 || !strings.EqualFold(line[:4], "sep=") {
		return 0, false
	}
	separator = rune(line[4])
	return separator, strings.ContainsRune(separators, separator)
}

// key returns the letters and digits of the name of a column, in lower case: user_id,
// User-ID and userId are the same name.
func key(name string) string {
	return strings.Map(func(char rune) rune {
		if char < 0x80 && !isDigit(byte(char)) && !isLetter(byte(char)) {
			return -1
		}
		return char
	}, strings.ToLower(name))
}

// header is the first line of a file.
type header struct {
	titles []string
	index  map[string]int // by key; the first of several
	twice  map[string]bool
}

func newHeader(cells []string) *header {
	h := &header{index: map[string]int{}, twice: map[string]bool{}}
	for i, cell := range cells {
		h.titles = append(h.titles, strings.TrimSpace(cell))
		k := key(cell)
		if _, there := h.index[k]; there {
			h.twice[k] = true
			continue
		}
		h.index[k] = i
	}
	return h
}

// find returns the indexes of those of some columns that the file has.
func (h *header) find(keys []string) (at []int) {
	for _, k := range keys {
		if i, ok := h.index[k]; ok {
			at = append(at, i)
		}
	}
	return at
}

func (h *header) hasAll(keys []string) bool { return len(h.find(keys)) == len(keys) }

// arrange returns where the columns come from in a file with a header.
func (f *format[T]) arrange(h *header, o Options) ([]source[T], profile, Shape, error) {
	found := profile{name: Canonical}
	for _, p := range f.profiles {
		if h.hasAll(p.marks) {
			found = p
			break
		}
	}
	shape := Shape{Profile: found.name, Scale: 5}
	if found.scale > 0 {
		shape.Scale = found.scale
	}
	if o.Scale > 0 {
		shape.Scale = o.Scale
	}
	used, byISBN := map[int]bool{}, false
	var sources []source[T]
	for _, c := range f.columns {
		s := source[T]{column: c}
		if found.name == Canonical {
			s.at = h.find([]string{key(c.name)})
			if c.name == "book_id" && len(s.at) == 0 { // what else may tell books apart
				if s.at = h.find([]string{key("external_id")}); len(s.at) == 0 {
					s.at, s.convert = h.find([]string{"isbn13", "isbn"}), isbnKey(o)
					byISBN = true
				}
			}
			s.lenient = c.name == "isbn" && byISBN // it may be a code of another kind
		}
		for _, m := range found.columns {
			if m.to == c.name && len(s.at) == 0 && (!m.sum || h.hasAll(m.from)) {
				s.at, s.sum, s.convert, s.lenient = h.find(m.from), m.sum, m.convert, m.lenient
				if m.reader {
					s.constant = o.reader()
				}
				if m.isbn {
					s.convert = isbnKey(o)
				}
			}
		}
		if other, ok := o.Columns[c.name]; ok {
			if at := h.find([]string{key(other)}); at != nil {
				shape.Mapped = append(shape.Mapped, c.name)
				s = source[T]{column: c, at: at}
				if c.name == "book_id" && strings.HasPrefix(key(other), "isbn") {
					s.convert = isbnKey(o)
				}
			}
		}
		if c.name == "rating" && shape.Scale != 5 {
			s.convert = func(cell string) (string, error) {
				stars, err := scaled(cell, shape.Scale)
				return strconv.Itoa(stars), err
			}
		}
		if len(s.at) == 0 && s.constant == "" {
			if !c.optional && found.name == Canonical {
				return nil, found, shape, h.missing(c.name)
			}
			continue
		}
		s.title = c.name
		for i, at := range s.at {
			if used[at] = true; i == 0 {
				s.title = h.titles[at]
			}
			if h.twice[key(h.titles[at])] {
				return nil, found, shape, fmt.Errorf("column %s appears twice", quote(h.titles[at]))
			}
		}
		sources = append(sources, s)
	}
	for i, title := range h.titles {
		if !used[i] {
			shape.Ignored = append(shape.Ignored, title)
		}
	}
	return sources, found, shape, nil
}

// missing is the error of a header without a required column.
func (h *header) missing(name string) error {
	if len(h.titles) == 1 {
		return fmt.Errorf("column %q is missing: the first line must name the columns, separated by a comma, a semicolon, a tab or |, and is %s", name, quote(h.titles[0]))
	}
	const most = 20
	shown := slices.Clone(h.titles[:min(len(h.titles), most)])
	for i := range shown {
		shown[i] = quote(shown[i])
	}
	if len(h.titles) > most {
		shown = append(shown, "…")
	}
	return fmt.Errorf("column %q is missing; the file has %s: --map %s=COLUMN names the one to take", name, strings.Join(shown, ", "), name)
}
