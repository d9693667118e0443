package page

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/libraryfile"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/signed"
	"bookstall/marketplace/internal/web/problem"
)

const (
	fileField    = "file"
	batchField   = "batch"
	takenBack    = "taken-back"
	bringTime    = 3 * time.Second // for one file: finding its books and storing them
	mostBrought  = 500             // books shown on the page, of those found, and of those not found
	longestTitle = 200             // characters shown of what a file has

	// MaxBrought is the most bytes of a file that a reader brings.
	MaxBrought = 5 << 20
)

type broughtPage struct {
	layout
	Origin  string
	Added   int
	Already int
	Partly  bool // whether only a part was stored, as far as is known
	Faulty  int
	Faults  []libraryfile.Fault // the first of them
	Batch   string              // token that takes it back; "" for nothing to take back
	Owner   string              // tag of the reader, for whom the script keeps the token
	Books   []broughtBook
	Missing []missingBook
	// Found and NotFound are how many rows there are of each, Different how many books.
	Found, NotFound, Different int
}

// broughtBook is a row of a file whose book the shop has.
type broughtBook struct {
	Book catalog.Book
	Done string
}

// missingBook is a row of a file whose book was not found.
type missingBook struct{ Title, Authors, Query string }

// AdmitFile returns why a reader may not bring a file now, before it is read. The caller must
// call leave.
func (p *Pages) AdmitFile(r *http.Request) (leave func(), err error) {
	v := p.visitor(r)
	if err := p.checkWrite(v); err != nil {
		return nil, err
	}
	if v.unknown() { // bounded by address, and sent again
		return func() {}, nil
	}
	leave, err = p.cfg.Files.Stream(v.id.Own)
	if err != nil {
		return nil, err
	}
	if err := p.cfg.Files.Request(v.id.Own); err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}

// Bring is POST /your-books/bring: a reader brings the books of another service.
func (p *Pages) Bring(w http.ResponseWriter, r *http.Request, v Visitor) error {
	if err := p.checkWrite(v); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), bringTime)
	defer cancel()
	file, err := readLibrary(r, p.links.numerals)
	if err != nil {
		return err
	}
	if v.unknown() {
		return p.makeKnown(w, r)
	}
	v, own, err := p.wholeHistory(w, r, v)
	if err != nil {
		return err
	}
	if v.unknown() { // forgotten in another browser
		return p.makeKnown(w, r)
	}
	plan := p.plan(file.Rows, own)
	done, err := p.cfg.Recommender.RecordAll(ctx, plan.interactions(v.id))
	if errors.Is(err, recommend.ErrForgotten) {
		p.forget(w)
		return p.makeKnown(w, r)
	}
	if err != nil && done.Done == 0 {
		return problem.Unavailable(problem.ErrNotKept, err)
	}
	if !v.signedIn {
		p.cfg.Version.Write(w, v.id.Own, max(v.version, done.Version))
	}
	page := plan.page
	page.layout = p.layout("The books you brought", YourBooksPath, v, own)
	page.Reader, page.Owner = "", v.tag // it answers a form
	page.Origin, page.Faulty, page.Faults, page.Partly = file.Origin, file.Faulty, file.Faults, err != nil || done.Rejected > 0
	page.Added = done.Done - done.Rejected
	if sent := plan.changes[:done.Sent]; len(sent) > 0 {
		page.Batch = p.cfg.Batches.Encode(v.id, sent)
	}
	return show(w, brought(&page))
}

// refusesFile reports whether a problem is one of a file that a reader brings.
func refusesFile(r *http.Request, p *problem.Problem) bool {
	return r.Pattern == "POST "+BringPath && (p.Status == http.StatusBadRequest || p.Status == http.StatusRequestEntityTooLarge)
}

// ofFile returns a problem as one of a file, in words for readers.
func ofFile(p problem.Problem) problem.Problem {
	p.Heading = "We cannot take this file"
	switch {
	case len(p.Fields) > 0: // the file is the only one
		p.Detail, p.Fields = "The file "+p.Fields[0].Reason+".", nil
	case p.Status == http.StatusRequestEntityTooLarge:
		p.Detail = fmt.Sprintf("The file is too large: at most %d MB are taken. Bring it in parts, each with the first line.", MaxBrought>>20)
	}
	return p
}

// readLibrary reads the file of a form.
func readLibrary(r *http.Request, n *numerals) (libraryfile.File, error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return libraryfile.File{}, fmt.Errorf("%w: %w", problem.ErrBadForm, err)
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return libraryfile.File{}, problem.Invalid{{Field: fileField, Reason: "is missing"}}
		}
		if err != nil {
			return libraryfile.File{}, fmt.Errorf("%w: %w", problem.ErrBadForm, err)
		}
		if part.FormName() == fileField {
			return readPart(part, n)
		}
	}
}

func readPart(part *multipart.Part, n *numerals) (libraryfile.File, error) {
	if part.FileName() == "" {
		return libraryfile.File{}, problem.Invalid{{Field: fileField, Reason: "must be chosen: the CSV file that Goodreads or The StoryGraph gave you"}}
	}
	file, err := libraryfile.ReadFile(&atMost{from: part, left: MaxBrought})
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
	case errors.Is(err, libraryfile.ErrUnknown):
		err = problem.Invalid{{Field: fileField, Reason: "must be the CSV file that Goodreads or The StoryGraph gave you, with its first line"}}
	case errors.Is(err, libraryfile.ErrTooMany):
		err = problem.Invalid{{Field: fileField, Reason: "has more than " + n.count(libraryfile.MaxRows) + " books: bring it in parts, each with the first line"}}
	case err != nil:
		err = fmt.Errorf("%w: %w", problem.ErrBadForm, err)
	}
	return file, err
}

// atMost fails when it has read more than left bytes. The form around a file is not a part of it.
type atMost struct {
	from io.Reader
	left int64
}

func (a *atMost) Read(to []byte) (int, error) {
	n, err := a.from.Read(to)
	if a.left -= int64(n); a.left < 0 {
		return 0, &http.MaxBytesError{Limit: MaxBrought}
	}
	return n, err
}

// bringing is what to do with the books of a file.
type bringing struct {
	changes []signed.Change
	page    broughtPage
}

// plan finds the books of rows, and what they add to the visitor's own books. What the visitor
// did here stays.
func (p *Pages) plan(rows []libraryfile.Row, own ownBooks) bringing {
	var b bringing
	named := make([]catalog.Named, len(rows))
	for i, row := range rows {
		named[i] = catalog.Named{Title: row.Title, Authors: row.Authors, ISBNs: row.ISBNs, Years: row.Years}
	}
	ids := p.cfg.Catalog.Match(named)
	best := map[int64]libraryfile.Row{} // a file may have a book in several editions
	for i, row := range rows {
		if other, ok := best[ids[i]]; !ok || row.Stars > 0 && other.Stars == 0 || other.Stars == 0 && other.Status != libraryfile.Read && row.Status == libraryfile.Read {
			best[ids[i]] = row
		}
	}
	seen := map[int64]bool{}
	for i, row := range rows {
		id := ids[i]
		found, err := p.cfg.Catalog.Book(id)
		if err != nil {
			if b.page.NotFound++; len(b.page.Missing) < mostBrought {
				b.page.Missing = append(b.page.Missing, missing(row))
			}
			continue
		}
		b.page.Found++
		if seen[id] {
			b.page.Already++
			continue
		}
		seen[id] = true
		b.page.Different++
		code, done := adds(best[id], own.byBook[id], p.links.numerals)
		if code == 0 {
			b.page.Already++
		} else {
			b.page.Added++
			b.changes = append(b.changes, signed.Change{BookID: id, Code: code})
		}
		if len(b.page.Books) < mostBrought {
			b.page.Books = append(b.page.Books, broughtBook{found, done})
		}
	}
	return b
}

// missing returns a row whose book was not found, with the search that may find it.
func missing(row libraryfile.Row) missingBook {
	return missingBook{Title: shortened(row.Title, longestTitle), Authors: shortened(row.Authors, longestTitle), Query: shortened(catalog.PlainTitle(row.Title), longestTitle)}
}

// The bits of the code of a change.
const (
	codeStars     = 0x07
	codeLiked     = 0x08
	codeWanted    = 0x10
	codeDismissed = 0x20
	codeOffList   = 0x40 // the rating took the book off the list
)

// adds returns what a row adds to an entry, 0 for nothing, and says it.
func adds(row libraryfile.Row, e recommend.Entry, n *numerals) (code byte, said string) {
	nothing := e == recommend.Entry{BookID: e.BookID}
	switch {
	case e.Dismissed:
		return 0, "stays as it is here: not for you"
	case row.Stars > 0 && e.Rating == 0:
		code = byte(row.Stars)
		if e.Wanted {
			code |= codeOffList
		}
		return code, n.things(row.Stars, "star") + " of 5"
	case row.Stars == 0 && row.Status == libraryfile.Read && !e.Own():
		return codeLiked, "read, so you like it"
	case row.Stars == 0 && row.Status == libraryfile.ToRead && nothing:
		return codeWanted, "on your list"
	case row.Stars == 0 && row.Status == libraryfile.Abandoned && nothing:
		return codeDismissed, "not read to the end, so not for you"
	case nothing:
		return 0, "left out: neither read nor rated nor on your list there"
	}
	return 0, "stays as it is here"
}

// interactions returns what stores the changes.
func (b *bringing) interactions(reader signed.Identity) []recommend.Interaction {
	list := newBatch(reader)
	for _, c := range b.changes {
		switch {
		case c.Code&codeStars > 0:
			list.add(c.BookID, recommend.Rating, int(c.Code&codeStars))
		case c.Code&codeLiked > 0:
			list.add(c.BookID, recommend.Like, 0)
		case c.Code&codeWanted > 0:
			list.add(c.BookID, recommend.Want, 0)
		case c.Code&codeDismissed > 0:
			list.add(c.BookID, recommend.Dismiss, 0)
		}
	}
	return list.all
}

// batch is a list of interactions of one reader.
type batch struct {
	reader signed.Identity
	id     string
	all    []recommend.Interaction
}

func newBatch(reader signed.Identity) *batch { return &batch{reader: reader, id: rand.Text()} }

func (b *batch) add(book int64, kind recommend.Kind, rating int) {
	b.all = append(b.all, recommend.Interaction{
		ID: b.id + "-" + strconv.Itoa(len(b.all)), UserID: b.reader.Own, Generation: b.reader.Generation, BookID: book, Kind: kind, Rating: rating,
	})
}

// Unbring is POST /your-books/bring/undo: it takes back what a file added, except for what
// the reader changed since.
func (p *Pages) Unbring(w http.ResponseWriter, r *http.Request, v Visitor) error {
	if err := p.checkWrite(v); err != nil {
		return err
	}
	changes, ok := p.cfg.Batches.Decode(r.PostForm.Get(batchField), v.id)
	if !ok {
		return problem.Invalid{{Field: batchField, Reason: "must be of a file that you brought yourself"}}
	}
	ctx, cancel := context.WithTimeout(r.Context(), bringTime)
	defer cancel()
	v, own, err := p.wholeHistory(w, r, v)
	if err != nil {
		return err
	}
	if !v.unknown() { // otherwise all is gone already
		done, err := p.cfg.Recommender.RecordAll(ctx, takeBack(changes, own, v.id))
		if err != nil {
			return problem.Unavailable(problem.ErrNotKept, err)
		}
		if !v.signedIn {
			p.cfg.Version.Write(w, v.id.Own, max(v.version, done.Version))
		}
	}
	p.seeOther(w, YourBooksPath+"?"+url.Values{takenBack: {"yes"}}.Encode())
	return nil
}

// takeBack returns what takes changes back that are still there.
func takeBack(changes []signed.Change, own ownBooks, reader signed.Identity) []recommend.Interaction {
	list := newBatch(reader)
	for _, c := range changes {
		e := own.byBook[c.BookID]
		switch {
		case c.Code&codeStars > 0 && e.Rating == int(c.Code&codeStars):
			list.add(c.BookID, recommend.Unrate, 0)
			if c.Code&codeOffList > 0 {
				list.add(c.BookID, recommend.Want, 0)
			}
		case c.Code&codeLiked > 0 && e.Liked:
			list.add(c.BookID, recommend.Unlike, 0)
		case c.Code&codeWanted > 0 && e.Wanted:
			list.add(c.BookID, recommend.Unwant, 0)
		case c.Code&codeDismissed > 0 && e.Dismissed:
			list.add(c.BookID, recommend.Undismiss, 0)
		}
	}
	return list.all
}

// outcome says what a file added.
func (p *broughtPage) outcome() string {
	text := "Your file from " + p.Origin + " has "
	switch all := p.Found + p.NotFound; {
	case all == 0:
		return text + "no books that can be read."
	case p.Found == 0 && all == 1:
		return text + "1 book, and this shop does not have it."
	case p.Found == 0:
		return text + p.at.books(all) + ", and this shop has none of them."
	case all == 1:
		text += "1 book, which is in this shop: "
	case p.Found == 1:
		text += p.at.books(all) + ". 1 of them is in this shop: "
	default:
		text += p.at.books(all) + ". " + p.at.count(int64(p.Found)) + " of them are in this shop: "
	}
	text += p.at.count(int64(p.Added)) + " added"
	if p.Already > 0 {
		text += ", " + p.at.count(int64(p.Already)) + " as before"
	}
	return text + "."
}

// faulty says how many rows could not be read, and how many of them the page shows.
func (p *broughtPage) faulty() string {
	text := "Could not be read: " + p.at.things(p.Faulty, "row") + " of the file."
	if len(p.Faults) < p.Faulty {
		text += " Here are the first " + p.at.count(int64(len(p.Faults))) + "."
	}
	return text
}

// notFound says how many books were not found, and how many of them the page shows.
func (p *broughtPage) notFound() string {
	text := "Not in this shop, or not to be told apart there: " + p.at.books(p.NotFound) + "."
	if len(p.Missing) < p.NotFound {
		text += " Here are " + p.at.count(int64(len(p.Missing))) + " of them."
	}
	return text
}

func (p *broughtPage) shownOf() string {
	return p.at.count(int64(len(p.Books))) + " of " + p.at.books(p.Different) + " are shown."
}
