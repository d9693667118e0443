package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/store"
)

// Files are the paths of the files to import. Each may be empty. Files may be
// compressed with gzip.
type Files struct {
	Books string // books in the project's format, or books.csv of goodbooks-10k
	// Shelves gives the books of goodbooks-10k their categories. It is a table of
	// shelf counts with one row per book, or book_tags.csv; then Tags is tags.csv.
	Shelves, Tags string
	Ratings       []string
	Samples       string
	Interactions  string
	Forgotten     string
	Readers       string // readers whose ids are texts, with their numbers
	// Restore says that the files are an export, which may have visitors of the shop.
	Restore bool
}

// The names of the files of an export.
const (
	booksFile        = "books.csv"
	ratingsFile      = "ratings.csv"
	samplesFile      = "samples.csv"
	interactionsFile = "interactions.csv"
	forgottenFile    = "forgotten.csv"
	readersFile      = "readers.csv"
)

// Exported returns the files of the export in a folder.
// Error: the folder has no books.csv.
func Exported(dir string) (Files, error) {
	f := Files{Books: filepath.Join(dir, booksFile), Restore: true}
	if _, err := os.Stat(f.Books); err != nil {
		return Files{}, fmt.Errorf("%s is not an export: %w", dir, err)
	}
	ifExists := func(name string) string {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return ""
		}
		return path // opening it will report any other error
	}
	if r := ifExists(ratingsFile); r != "" {
		f.Ratings = []string{r}
	}
	f.Samples, f.Interactions = ifExists(samplesFile), ifExists(interactionsFile)
	f.Forgotten, f.Readers = ifExists(forgottenFile), ifExists(readersFile) // exports of 0.1.0 have neither
	return f, nil
}

// Options control what an import reads.
type Options struct {
	Form     bookcsv.Options // of books, ratings and interactions
	Strict   bool            // fail at the first row that is faulty or of an unknown book
	TextIDs  bool            // take ids that are texts even if all those of the store are numbers
	Merge    bool            // keep the books and sample readers that the files do not have
	DropGone bool            // keep no books that are gone
	Progress Progress        // called every few thousand rows, and at the end of a file
}

// Plan is what an import has read, and what it is going to change. Nothing is written yet.
type Plan struct {
	Files                 []*FileReport
	Books, Samples        Changes
	Ratings, Interactions int64                 // rows to import
	Kinds                 map[domain.Kind]int64 // Interactions by kind
	Kind                  domain.Kind           // Options.Form.Kind
	Doubled               int64                 // of Interactions: those that an earlier row has, too
	// NoPopularity means that no book of the new catalogue has a popularity.
	NoPopularity bool
	// TextIDs counts the books and readers that are new and whose ids are texts.
	TextIDs struct{ Books, Readers int }
	// Fractions counts the prices with more decimals than their currency has.
	Fractions struct {
		Books int
		First string // where the first of them is
	}

	req     store.ImportRequest
	restore bool
}

// Restores reports whether the files are an export.
func (p *Plan) Restores() bool { return p.restore }

// Changes counts the books of an import beside those of the store.
type Changes struct {
	New, Changed, Same int // of the file
	Kept, Gone         int // of the store only
	Back               int // of New: those that the store keeps as gone
	GoneBefore         int // of the store only, and gone already
	Dropped            int // of all that are gone: those that are deleted
	Others             int // of Changed: those with another title and another author
	Unread             int // of the store, kept because their rows in the file may be faulty
}

// Read returns how many books the file has.
func (c Changes) Read() int { return c.New + c.Changed + c.Same }

// stored returns how many books the store has.
func (c Changes) stored() int { return c.Changed + c.Same + c.Kept + c.Gone + c.Unread }

// Importer is a store to import into.
type Importer interface {
	Head(ctx context.Context) (store.Head, error)
	Catalog(ctx context.Context) (domain.Catalog, error)
	ExternalIDs(ctx context.Context) (ids []domain.ExternalID, numberedReaders bool, err error)
	Recorded(ctx context.Context, ids []string) (map[string]domain.Interaction, error)
	Import(ctx context.Context, req store.ImportRequest) (store.ImportResult, error)
}

// Read reads files and compares them with the store, in which it changes nothing.
//
// Errors: those of the files, and those of into.
func Read(ctx context.Context, into Importer, files Files, o Options) (*Plan, error) {
	if files.Restore { // its ids are numbers, and files of their own have the texts
		return read(ctx, into, files, o)
	}
	var err error
	if o.Form.BookIDs, o.Form.ReaderIDs, err = numberings(ctx, into); err != nil {
		return nil, err
	}
	if o.TextIDs {
		o.Form.BookIDs.TakeTexts()
		o.Form.ReaderIDs.TakeTexts()
	}
	p, err := read(ctx, into, files, o)
	books, readers := o.Form.BookIDs.Mixed(), o.Form.ReaderIDs.Mixed()
	if !books && !readers {
		return p, err
	}
	// Only now is it known that 007 and 7 are two.
	if books {
		o.Form.BookIDs = o.Form.BookIDs.Split()
	}
	if readers {
		o.Form.ReaderIDs = o.Form.ReaderIDs.Split()
	}
	return read(ctx, into, files, o)
}

// numberings returns the ids of books and readers that the store has.
func numberings(ctx context.Context, into Importer) (books, readers *domain.Numbering, err error) {
	stored, numberedReaders, err := into.ExternalIDs(ctx)
	if err != nil {
		return nil, nil, err
	}
	head, err := into.Head(ctx)
	if err != nil {
		return nil, nil, err
	}
	if head.Demo { // the files replace all of it
		return domain.NewNumbering(domain.BookID, nil, false), domain.NewNumbering(domain.ReaderID, stored, false), nil
	}
	catalog, err := into.Catalog(ctx)
	if err != nil {
		return nil, nil, err
	}
	numbered := slices.ContainsFunc(catalog.Books, func(b domain.Book) bool { return b.ID < domain.FirstMapped && !b.Gone })
	return domain.NewNumbering(domain.BookID, stored, numbered), domain.NewNumbering(domain.ReaderID, stored, numberedReaders), nil
}

// read is Read with the numberings of the options.
func read(ctx context.Context, into Importer, files Files, o Options) (*Plan, error) {
	p := &Plan{restore: files.Restore, Kind: o.Form.Kind}
	r := &reporting{form: o.Form, strict: o.Strict, progress: o.Progress, plan: p, mapped: map[string]bool{}}
	catalog, err := p.readCatalog(ctx, r, into, files, o)
	if err != nil || p.req.Catalog != nil && len(catalog.Books) == 0 { // which Check refuses
		return p, err
	}
	known := make(map[int64]bool, len(catalog.Books))
	for _, b := range catalog.Books {
		known[b.ID] = true
	}
	if len(files.Ratings) > 0 {
		p.req.Ratings = store.NewRatings()
		for _, path := range files.Ratings {
			if err := readRatings(ctx, r, path, known, files.Restore, p.req.Ratings); err != nil {
				return nil, err
			}
		}
		p.Ratings = p.req.Ratings.Rows()
	}
	var interactions *doings
	if files.Interactions != "" {
		if interactions, err = readInteractions(ctx, r, files.Interactions, files.Restore); err != nil {
			return nil, err
		}
	}
	if files.Forgotten != "" {
		err := each(ctx, r, files.Forgotten, canonical(bookcsv.NewForgottenReader), func(one domain.ForgottenReader, at place) error {
			if one.Generation > domain.MaxGeneration {
				return at.wrong("generation", fmt.Sprintf("is above %d", domain.MaxGeneration))
			}
			p.req.Forgotten = append(p.req.Forgotten, one)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if files.Readers != "" {
		err := each(ctx, r, files.Readers, canonical(bookcsv.NewReaderIDReader), func(one domain.ExternalID, _ place) error {
			p.req.IDs = append(p.req.IDs, one)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if interactions != nil {
		if err := p.takeInteractions(ctx, r, into, interactions); err != nil {
			return nil, err
		}
	}
	if !files.Restore {
		for _, b := range catalog.Books {
			if b.ExternalID != "" && o.Form.BookIDs.Fresh(b.ID) {
				p.TextIDs.Books++
			}
		}
		p.TextIDs.Readers = len(o.Form.ReaderIDs.Used())
		inCatalog := func(one domain.ExternalID) bool { return known[one.ID] } // and so part of it
		p.req.IDs = append(slices.DeleteFunc(o.Form.BookIDs.Used(), inCatalog), o.Form.ReaderIDs.Used()...)
	}
	unusedOnce(p.Files)
	return p, o.Form.CheckUsed(r.mapped)
}

// Write stores what was read in one transaction: after an error, or when ctx ends, nothing
// is stored. dropDemo is that of store.ImportRequest.
//
// Errors: those of to.
func (p *Plan) Write(ctx context.Context, to Importer, dropDemo bool) (store.ImportResult, error) {
	p.req.DropDemo = dropDemo
	return to.Import(ctx, p.req)
}

// Try returns what Write would return, and stores nothing.
func (p *Plan) Try(ctx context.Context, to Importer, dropDemo bool) (store.ImportResult, error) {
	req := p.req
	req.DropDemo, req.DryRun = dropDemo, true
	return to.Import(ctx, req)
}

// readCatalog returns the catalogue that the store is going to have: that of the files, that
// of the store when the files have no books, or both merged.
func (p *Plan) readCatalog(ctx context.Context, r *reporting, into Importer, files Files, o Options) (domain.Catalog, error) {
	present, err := into.Catalog(ctx)
	if err != nil {
		return domain.Catalog{}, err
	}
	if files.Books == "" {
		if present.Version == "" {
			return domain.Catalog{}, errors.New("the store has no books yet: import books too")
		}
		return present, nil
	}
	head, err := into.Head(ctx)
	if err != nil {
		return domain.Catalog{}, err
	}
	p.req.Compared = &present.Version
	if head.Demo {
		present = domain.Catalog{} // no book of it stays
	}
	next, err := readBooksAndSamples(ctx, r, files)
	if err == nil && files.Restore && p.Files[0].Rows == 0 && len(present.Books) == 0 && !head.Demo {
		return next, nil // an export of a store without books, for another one
	}
	if err != nil || len(next.Books) == 0 {
		p.req.Catalog = &next
		return next, err
	}
	if !files.Restore {
		date(present.Books, next.Books, o.Merge, time.Now())
	}
	next.Books, p.Books = compareBooks(present.Books, next.Books, o.Merge, p.Files[0])
	if o.DropGone {
		kept := slices.DeleteFunc(next.Books, func(b domain.Book) bool { return b.Gone })
		p.Books.Dropped = len(next.Books) - len(kept)
		next.Books = kept
	}
	p.Books.Others = others(present.Books, next.Books)
	samples := &FileReport{}
	if files.Samples != "" {
		samples = p.Files[len(p.Files)-1]
	}
	next.Samples, _, p.Samples = compare(present.Samples, next.Samples, o.Merge, samples, sampleID, sameSample)
	if n := len(next.Samples); n > domain.MaxSamples {
		return domain.Catalog{}, fmt.Errorf("there would be %d sample readers, at most %d are allowed", n, domain.MaxSamples)
	}
	p.req.Catalog, p.NoPopularity = &next, !next.HasPopularity()
	return next, nil
}

func readBooksAndSamples(ctx context.Context, r *reporting, files Files) (c domain.Catalog, err error) {
	if c.Books, err = readBooks(ctx, r, files); err != nil || files.Samples == "" {
		return c, err
	}
	err = each(ctx, r, files.Samples, canonical(r.form.Samples), func(s domain.SampleReader, _ place) error {
		r.use(s.ID, 0)
		c.Samples = append(c.Samples, s)
		return nil
	})
	return c, err
}

func bookID(b domain.Book) int64           { return b.ID }
func sampleID(s domain.SampleReader) int64 { return s.ID }

func sameBook(a, b domain.Book) bool           { return reflect.DeepEqual(a, b) }
func sameSample(a, b domain.SampleReader) bool { return a == b }

// date sets when the catalogue got the books for which next does not say that: as in present,
// or now for those that are new to it. The books of a first import, and of one that replaces
// all books by others, are not new.
func date(present, next []domain.Book, merge bool, now time.Time) {
	before := make(map[int64]time.Time, len(present))
	for _, b := range present {
		before[b.ID] = b.Added
	}
	grows := merge && len(present) > 0 || slices.ContainsFunc(next, func(b domain.Book) bool {
		_, there := before[b.ID]
		return there
	})
	for i := range next {
		b := &next[i]
		if !b.Added.IsZero() {
			continue
		}
		var there bool
		if b.Added, there = before[b.ID]; !there && grows {
			b.Added = now.UTC().Truncate(time.Second)
		}
	}
}

// compareBooks is compare for books. What would be gone is kept, and marked.
func compareBooks(present, next []domain.Book, merge bool, file *FileReport) ([]domain.Book, Changes) {
	active, away := make([]domain.Book, 0, len(present)), map[int64]domain.Book{}
	for _, b := range present {
		if b.Gone {
			away[b.ID] = b
		} else {
			active = append(active, b)
		}
	}
	next, gone, c := compare(active, next, merge, file, bookID, sameBook)
	for _, b := range next {
		before, there := away[b.ID]
		switch delete(away, b.ID); {
		case !there:
		case !b.Gone:
			c.Back++
		case sameBook(before, b):
			c.New--
			c.Same++
		default:
			c.New--
			c.Changed++
		}
	}
	for _, b := range gone {
		b.Gone = true
		next = append(next, b)
	}
	c.GoneBefore = len(away)
	next = slices.AppendSeq(next, maps.Values(away))
	slices.SortFunc(next, func(a, b domain.Book) int { return cmp.Compare(a.ID, b.ID) })
	return next, c
}

// compare counts what next changes of present. It returns next, in order of id, with what
// only present has if that is to be merged, or if a faulty row of the file may be about it,
// and what is gone.
func compare[T any](present, next []T, merge bool, file *FileReport, id func(T) int64, same func(a, b T) bool) (all, gone []T, c Changes) {
	before := make(map[int64]T, len(present))
	for _, one := range present {
		before[id(one)] = one
	}
	for _, one := range next {
		old, there := before[id(one)]
		switch delete(before, id(one)); {
		case !there:
			c.New++
		case same(old, one):
			c.Same++
		default:
			c.Changed++
		}
	}
	for _, one := range before {
		switch {
		case merge:
			c.Kept++
		case file.mayBe(id(one)):
			c.Unread++
		default:
			c.Gone++
			gone = append(gone, one)
			continue
		}
		next = append(next, one)
	}
	slices.SortFunc(next, func(a, b T) int { return cmp.Compare(id(a), id(b)) })
	return next, gone, c
}

// others counts the books of next that have another title and another author in present:
// the ids are those of another shop. Both are in order of id.
func others(present, next []domain.Book) (n int) {
	for _, b := range next {
		i, there := slices.BinarySearchFunc(present, b.ID, func(a domain.Book, id int64) int { return cmp.Compare(a.ID, id) })
		if there && !strings.EqualFold(present[i].Title, b.Title) && !strings.EqualFold(present[i].Author, b.Author) {
			n++
		}
	}
	return n
}

func readRatings(ctx context.Context, r *reporting, path string, known map[int64]bool, restore bool, into *store.Ratings) error {
	return each(ctx, r, path, canonical(r.form.Ratings), func(rating domain.Rating, at place) error {
		if !restore && !known[rating.BookID] {
			return &unknownBookError{at.wrong("book_id", r.book(rating.BookID)+" is not a book of the catalogue")}
		}
		if reason := domain.CheckWriter(rating.UserID); reason != "" {
			return at.wrong("user_id", reason)
		}
		if !restore && domain.IsVisitor(rating.UserID) {
			return at.visitor(rating.UserID)
		}
		r.use(rating.UserID, rating.BookID)
		into.Add(rating)
		return nil
	})
}

// place is the file and line of a row.
type place struct {
	file string
	line int
}

func (p place) wrong(column, reason string) *bookcsv.RowError {
	return &bookcsv.RowError{File: p.file, Line: p.line, Column: column, Reason: reason}
}

// visitor is the error of a row that names a visitor of the shop.
func (p place) visitor(id int64) error {
	return p.wrong("user_id", fmt.Sprintf("%d is an id of the shop's visitors (from %d to %d), which only import --from takes", id, int64(domain.FirstVisitor), int64(domain.LastVisitor)))
}

// unknownBookError is the error of a row that can be read, of a book that is not in the
// catalogue.
type unknownBookError struct{ *bookcsv.RowError }

func (e *unknownBookError) Unwrap() error { return e.RowError }
