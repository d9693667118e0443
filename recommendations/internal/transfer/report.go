package transfer

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"bookstall/recommendations/internal/bookcsv"
)

// FileReport counts the rows of one file.
type FileReport struct {
	Name         string
	Rows         int64
	Faulty       int64  // rows that cannot be read; they are skipped
	Unknown      int64  // rows of books that the catalogue does not have; they are skipped
	FirstUnknown string // where the first of them is, and its book

	bookcsv.Shape
	path   string
	faults map[string]*Fault
	ids    map[int64]bool // of faulty rows
	noID   bool           // there are faulty rows whose ids are not known
}

// unusedOnce leaves the columns of a file that is read twice, as books and as ratings, to the last
// report about it, and there those that neither reading uses.
func unusedOnce(reports []*FileReport) {
	last := map[string]*FileReport{} // by path
	for _, f := range reports {
		if f.Profile == "" { // read for other columns
			continue
		}
		if before := last[f.path]; before != nil {
			f.Ignored = slices.DeleteFunc(f.Ignored, func(title string) bool { return !slices.Contains(before.Ignored, title) })
			before.Ignored = nil
		}
		last[f.path] = f
	}
}

// mayBe reports whether a faulty row may be the one of this id.
func (f *FileReport) mayBe(id int64) bool { return f.noID || f.ids[id] }

// Fault is one cause of faulty rows.
type Fault struct {
	Rows     int64
	Examples []*bookcsv.RowError // the first few
}

// Bounds of what is kept of faulty rows: a file of the wrong kind has millions.
const (
	maxCauses   = 50
	maxExamples = 3
)

// Faults returns the causes of faulty rows, the most frequent first. Their rows may be fewer
// than Faulty: only the first causes are told apart.
func (f *FileReport) Faults() []*Fault {
	return slices.SortedFunc(maps.Values(f.faults), func(a, b *Fault) int {
		return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Examples[0].Line, b.Examples[0].Line))
	})
}

// usable returns how many rows can be imported.
func (f *FileReport) usable() int64 { return f.Rows - f.Faulty - f.Unknown }

// fault counts a faulty row, and those that it swallowed.
func (f *FileReport) fault(err *bookcsv.RowError) {
	rows := 1 + int64(err.Swallowed)
	f.Rows += rows - 1
	f.Faulty += rows
	if f.faults == nil {
		f.faults, f.ids = map[string]*Fault{}, map[int64]bool{}
	}
	if err.ID != 0 {
		f.ids[err.ID] = true
	}
	f.noID = f.noID || err.ID == 0 || err.Swallowed > 0
	key := cause(err)
	one := f.faults[key]
	if one == nil {
		if len(f.faults) == maxCauses {
			return
		}
		one = &Fault{}
		f.faults[key] = one
	}
	one.Rows += rows
	if len(one.Examples) < maxExamples {
		one.Examples = append(one.Examples, err)
	}
}

// cause returns what errors of the same cause have in common: the reason without quoted
// values and numbers.
func cause(err *bookcsv.RowError) string {
	var b strings.Builder
	b.WriteString(err.Column)
	quoted, escaped := false, false
	for _, char := range err.Reason {
		switch {
		case escaped:
			escaped = false
		case quoted:
			quoted, escaped = char != '"', char == '\\'
		case char == '"':
			quoted = true
		case char < '0' || char > '9':
			b.WriteRune(char)
		}
	}
	return b.String()
}

// Limits are what an import may do without being asked again.
type Limits struct {
	Faulty   float64 // percent of the rows of a file that may be faulty
	Removals bool    // any number of books may be gone, or replaced by others, not only maxRemovals
}

// maxRemovals is the percentage of the store's books that an import may take off the shelves, and of those that it may
// replace by others with their ids.
const maxRemovals = 5

// RefusedError says why an import is refused. Nothing has been written.
type RefusedError struct{ Reasons []string }

func (e *RefusedError) Error() string { return strings.Join(e.Reasons, "; ") }

// Check returns a *RefusedError if the import would lose something that nobody may have
// meant to lose.
func (p *Plan) Check(limits Limits) error {
	if p.req.Catalog != nil && len(p.req.Catalog.Books) == 0 {
		return &RefusedError{[]string{p.Files[0].Name + " has no books that can be imported"}}
	}
	var reasons []string
	for _, f := range p.Files {
		switch {
		case f.usable() == 0 && (f.Rows > 0 || !p.restore):
			reasons = append(reasons, fmt.Sprintf("%s has no row that can be imported", f.Name))
		case float64(f.Faulty)*100 > limits.Faulty*float64(f.Rows):
			are, them := "are", "them"
			if f.Faulty == 1 {
				are, them = "is", "it"
			}
			reasons = append(reasons, fmt.Sprintf("%d of the %d rows of %s %s faulty, over %g %%: mend %[6]s, or skip %[6]s with --allow-faulty=N%%",
				f.Faulty, f.Rows, f.Name, are, limits.Faulty, them))
		}
	}
	if gone, stored := p.Books.Gone, p.Books.stored(); !limits.Removals && gone*100 > maxRemovals*stored {
		reasons = append(reasons, fmt.Sprintf("%d of the %d books of the store are not in the file, over %d %%: --allow-removals takes them off the shelves, --merge keeps them",
			gone, stored, maxRemovals))
	}
	if other, stored := p.Books.Others, p.Books.stored(); !limits.Removals && other*100 > maxRemovals*stored {
		reasons = append(reasons, fmt.Sprintf("%d of the %d books of the store have another title and another author in the file, over %d %%: are the ids those of another catalogue? --allow-removals replaces them",
			other, stored, maxRemovals))
	}
	if len(reasons) > 0 {
		return &RefusedError{reasons}
	}
	return nil
}
