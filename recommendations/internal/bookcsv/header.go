package bookcsv

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bookstall/internal/spreadsheet"
)

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
		k := spreadsheet.Key(cell)
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
			s.at = h.find([]string{spreadsheet.Key(c.name)})
			if c.name == "book_id" && len(s.at) == 0 { // what else may tell books apart
				if s.at = h.find([]string{spreadsheet.Key("external_id")}); len(s.at) == 0 {
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
			if at := h.find([]string{spreadsheet.Key(other)}); at != nil {
				shape.Mapped = append(shape.Mapped, c.name)
				s = source[T]{column: c, at: at}
				if c.name == "book_id" && strings.HasPrefix(spreadsheet.Key(other), "isbn") {
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
			if h.twice[spreadsheet.Key(h.titles[at])] {
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
