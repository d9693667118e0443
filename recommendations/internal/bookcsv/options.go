package bookcsv

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"bookstall/recommendations/internal/domain"
)

// Options say what a file does not say itself. With the zero value, columns are found by
// their names or by a profile, and ratings are those of the profile.
type Options struct {
	Columns map[string]string // column of the file, by the project's
	Scale   float64           // the highest rating; 0 for that of the profile, or 5
	Reader  int64             // the reader of ratings that name none; 0 for 1
	Kind    domain.Kind       // of interactions without a kind and a rating; 0 for likes
	// BookIDs and ReaderIDs give ids that are texts their numbers. If nil, a text is a fault.
	BookIDs, ReaderIDs *domain.Numbering
}

// Books reads the header of a file of books. Errors call the file name.
func (o Options) Books(name string, r io.Reader) (*BookReader, error) {
	return newReader(name, r, bookFormat(o.BookIDs), o)
}

// Ratings reads the header of a file of ratings. Errors call the file name.
func (o Options) Ratings(name string, r io.Reader) (*RatingReader, error) {
	return newReader(name, r, ratingFormat(o.ReaderIDs, o.BookIDs), o)
}

// Interactions reads the header of a file of interactions. Errors call the file name.
func (o Options) Interactions(name string, r io.Reader) (*InteractionReader, error) {
	return newReader(name, r, interactionFormat(o.ReaderIDs, o.BookIDs, o.Kind), o)
}

// Samples reads the header of a samples.csv. Only the ids of the options count. Errors call
// the file name.
func (o Options) Samples(name string, r io.Reader) (*SampleReader, error) {
	return newReader(name, r, sampleFormat(o.ReaderIDs), Options{})
}

func (o Options) reader() string { return strconv.FormatInt(cmp.Or(o.Reader, 1), 10) }

// CheckUsed returns an error if no file had a column of Options.Columns. used has those of
// the files' shapes.
func (o Options) CheckUsed(used map[string]bool) error {
	for _, column := range slices.Sorted(maps.Keys(o.Columns)) {
		if !used[column] {
			return fmt.Errorf("--map %s=%s: no file that has such rows has the column %q", column, o.Columns[column], o.Columns[column])
		}
	}
	return nil
}

// Columns lists the columns that Options.Columns may name.
func Columns() []string {
	b, r, i := bookFormat(nil), ratingFormat(nil, nil), interactionFormat(nil, nil, 0)
	all := slices.Concat(b.names(), r.names(), i.names())
	slices.Sort(all)
	return slices.Compact(all)
}

// NewBookReader is Books without options.
func NewBookReader(name string, r io.Reader) (*BookReader, error) { return Options{}.Books(name, r) }

// NewRatingReader is Ratings without options.
func NewRatingReader(name string, r io.Reader) (*RatingReader, error) {
	return Options{}.Ratings(name, r)
}

// NewSampleReader is Samples without options.
func NewSampleReader(name string, r io.Reader) (*SampleReader, error) {
	return Options{}.Samples(name, r)
}

// NewInteractionReader is Interactions without options.
func NewInteractionReader(name string, r io.Reader) (*InteractionReader, error) {
	return Options{}.Interactions(name, r)
}

// Shape is how a file was understood.
type Shape struct {
	Profile   string // canonical, or where such files come from
	Encoding  string // "" for UTF-8
	Separator rune
	Scale     float64  // the highest rating
	Ignored   []string // columns that are not used
	Mapped    []string // the columns of Options.Columns that were found
	Unrated   int64    // rows without a rating so far, which Next does not return
	Unkinded  int64    // interactions so far that are of Options.Kind, because they say none
}
