package command_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bookstall/recommendations/internal/domain"
)

// catalogueOf returns a books.csv of books from first to last.
func catalogueOf(first, last int) string {
	var b strings.Builder
	b.WriteString("book_id,title,author,year,categories,popularity\n")
	for id := first; id <= last; id++ {
		fmt.Fprintf(&b, "%d,Title %d,A,1904,fantasy,0\n", id, id)
	}
	return b.String()
}

// booksOf returns how many books a store has that are not gone.
func booksOf(t *testing.T, flag string) int {
	t.Helper()
	catalog, err := openStore(t, flag).Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return len(slices.DeleteFunc(catalog.Books, func(b domain.Book) bool { return b.Gone }))
}

// The share of faulty rows is that of one file: good ratings do not make up for faulty
// books.
func TestFewFaultyRowsAreSkipped(t *testing.T) {
	ratings := "user_id,book_id,rating\n" + strings.Repeat("1,1,5\n", 1000)
	faulty := "200,,A,1904,fantasy,0\n"
	for name, test := range map[string]struct {
		books string
		want  int // books; 0 for a refusal
	}{
		"1 of 100": {catalogueOf(1, 99) + faulty, 99},
		"2 of 101": {catalogueOf(1, 99) + faulty + faulty, 0},
		"all":      {catalogueOf(1, 0) + faulty, 0},
	} {
		to := storeFlagOf(t)
		_, _, err := execute(t, "import", to, "--books", write(t, "books.csv", test.books), "--ratings", write(t, "ratings.csv", ratings))
		if (err == nil) != (test.want > 0) {
			t.Errorf("%s: %v", name, err)
		}
		exists(t, to, test.want > 0)
		if test.want > 0 && booksOf(t, to) != test.want {
			t.Errorf("%s: %d books, want %d", name, booksOf(t, to), test.want)
		}
	}
}

func TestBooksAreNotRemovedByAccident(t *testing.T) {
	for name, test := range map[string]struct {
		books string
		flags []string
		said  string
		want  int    // books
		err   string // "" for none
	}{
		"5 %":           {catalogueOf(6, 101), nil, "books: 1 new, 0 changed, 95 as before, 5 gone", 96, ""},
		"6 %":           {catalogueOf(7, 101), nil, "books: 1 new, 0 changed, 94 as before, 6 gone", 100, "6 of the 100 books of the store are not in the file, over 5 %: --allow-removals takes them off the shelves, --merge keeps them; nothing was imported"},
		"6 %, allowed":  {catalogueOf(7, 101), []string{"--allow-removals"}, "94 as before, 6 gone", 95, ""},
		"merged":        {catalogueOf(100, 102), []string{"--merge"}, "books: 99 of the store only, which stay", 102, ""},
		"changed":       {strings.Replace(catalogueOf(1, 100), "Title 7,", "Other,", 1), nil, "books: 0 new, 1 changed, 99 as before, 0 gone", 100, ""},
		"dry run":       {catalogueOf(1, 101), []string{"--dry-run"}, "the store would have a new catalogue of 101 books\ndry run: nothing was imported", 100, ""},
		"dry run, lost": {catalogueOf(1, 9), []string{"--dry-run"}, "91 gone", 100, "91 of the 100 books"},
	} {
		to := storeFlagOf(t)
		must(t, "import", to, "--books", write(t, "books.csv", catalogueOf(1, 100)))
		got, _, err := execute(t, append([]string{"import", to, "--books", write(t, "books.csv", test.books)}, test.flags...)...)
		if !strings.Contains(got, test.said) || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
		if n := booksOf(t, to); n != test.want {
			t.Errorf("%s: %d books in the store, want %d", name, n, test.want)
		}
	}
}

// Merged books keep the sample readers, and those of the demonstration are not merged with.
func TestMergeKeepsSampleReaders(t *testing.T) {
	to := storeFlagOf(t)
	books := write(t, "books.csv", someBooks)
	must(t, "import", to, "--books", books, "--samples", write(t, "samples.csv", "user_id,label\n1,One\n"))
	must(t, "import", to, "--merge", "--books", write(t, "books.csv", catalogueOf(4, 4)), "--samples", write(t, "samples.csv", "user_id,label\n2,Two\n"))
	catalog, err := openStore(t, to).Catalog(t.Context())
	if err != nil || len(catalog.Books) != 4 || len(catalog.Samples) != 2 {
		t.Errorf("%d books, %d sample readers (%v), want 4 and 2", len(catalog.Books), len(catalog.Samples), err)
	}
	if got := must(t, "import", to, "--books", books, "--allow-removals"); !strings.Contains(got, "sample readers: 0 new, 0 changed, 0 as before, 2 gone") {
		t.Error(got)
	}
	demo := seeded(t)
	if got := must(t, "import", demo, "--merge", "--books", books); !strings.Contains(got, "the embedded demonstration was removed; the store has a new catalogue of 3 books") {
		t.Error(got)
	}
}

// Rows of which none can be used are an error, whatever is allowed, and train nothing.
func TestNothingThatCanBeUsedIsAnError(t *testing.T) {
	books := write(t, "books.csv", someBooks)
	for name, args := range map[string][]string{
		"ids that are none": {"--ratings", write(t, "r.csv", "user_id,book_id,rating\nNULL,1,5\nN/A,2,4\n")},
		"unknown books":     {"--ratings", write(t, "r.csv", "user_id,book_id,rating\n1,77,5\n")},
		"only a header":     {"--ratings", write(t, "r.csv", "user_id,book_id,rating\n")},
		"interactions":      {"--interactions", write(t, "r.csv", "id,user_id,book_id,kind,rating,at\na,0,1,like,,2026-01-01T00:00:00Z\n")},
	} {
		to := storeFlagOf(t)
		stdout, _, err := execute(t, append([]string{"import", to, "--books", books, "--train", "--allow-faulty=100%"}, args...)...)
		if err == nil || err.Error() != "r.csv has no row that can be imported; nothing was imported" || strings.Contains(stdout, "trained") {
			t.Errorf("%s: %v\n%s", name, err, stdout)
		}
		exists(t, to, false)
	}
}

// Commands that read a store do not make one, nor does a dry run.
func TestAStoreThatDoesNotExistIsNotMade(t *testing.T) {
	for _, args := range [][]string{{"export", t.TempDir()}, {"train"}, {"models", "list"}, {"models", "rollback"}, {"models", "activate", "x"}} {
		to := storeFlagOf(t)
		_, _, err := execute(t, append(args, to)...)
		if want := strings.TrimPrefix(to, "--store=sqlite:") + " does not exist"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want %s", args, err, want)
		}
		exists(t, to, false)
	}
	to := storeFlagOf(t)
	if got := must(t, "import", to, "--dry-run", "--books", write(t, "books.csv", someBooks)); !strings.Contains(got, "books: 3 new") {
		t.Error(got)
	}
	exists(t, to, false)
}

// An export of ratings of a book that was removed brings them to another store, where they
// count once the book is back.
func TestARestoreKeepsWhatReadersHadOfRemovedBooks(t *testing.T) {
	from, to := storeFlagOf(t), storeFlagOf(t)
	must(t, "import", from, "--books", write(t, "books.csv", someBooks), "--ratings", write(t, "ratings.csv", "user_id,book_id,rating\n1,1,5\n1,4,4\n1,2,3\n"))
	must(t, "import", from, "--allow-removals", "--books", write(t, "books.csv", catalogueOf(1, 1)))
	dir := filepath.Join(t.TempDir(), "backup")
	must(t, "export", from, dir)
	must(t, "import", to, "--from", dir)
	reader, err := openStore(t, to).History(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	history, err := domain.DecodeHistory(reader.History)
	if err != nil || len(history) != 2 || history[1] != (domain.Entry{BookID: 2, Stars: 3}) {
		t.Errorf("%+v, %v", history, err)
	}
}

func TestAModelOfNobodyDoesNotReplaceOneOfSome(t *testing.T) {
	to := storeFlagOf(t)
	books := write(t, "books.csv", someBooks)
	if got := must(t, "import", to, "--books", books, "--train"); !strings.Contains(got, "is active") {
		t.Errorf("the first model: %s", got)
	}
	must(t, "import", to, "--ratings", write(t, "ratings.csv", "user_id,book_id,rating\n1,1,5\n1,2,5\n2,1,5\n"), "--train")
	before, err := openStore(t, to).Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// The same readers, and other books.
	_, _, err = execute(t, "import", to, "--books", write(t, "books.csv", catalogueOf(11, 13)), "--allow-removals", "--drop-gone", "--train")
	want := "was not activated: it has no readers, and the active model " + before.Model + " has 2"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("import: got %v, want %s", err, want)
	}
	if _, _, err := execute(t, "train", to); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("train: got %v, want %s", err, want)
	}
	if after, err := openStore(t, to).Head(t.Context()); err != nil || after.Model != before.Model {
		t.Errorf("model %s is active (%v), want %s", after.Model, err, before.Model)
	}
}

// A row is one row, however many lines its cells have: a title with a line break, a description
// with several beside another fault, and a row that lacks a cell.
func TestARowOfSeveralLinesIsOneFaultyRow(t *testing.T) {
	for name, test := range map[string]struct{ row, where string }{
		"title":                     {"1,\"Two, or\nthree lines\",A,,", "books.csv:2: title: has a line break"},
		"author in the last column": {"1,T,,,\"A\nB\"", "books.csv:2: author: has a line break"},
		"year beside a description": {"1,T,19x9,\"One,\ntwo,\nthree\n\nfour\",A", "books.csv:2: year"},
		"a cell too few":            {"1,T,,\"One\ntwo\nthree\"", "books.csv:2: number of cells is 4, the header has 5"},
	} {
		header := "book_id,title,year,description,author\n"
		if name == "title" {
			header = "book_id,title,author,year,description\n"
		}
		books := write(t, "books.csv", header+test.row+"\n2,Two,,,\n3,Three,,,\n4,Four,,,\n")
		stdout, _, err := execute(t, "import", storeFlagOf(t), "--books", books)
		if want := "1 of the 4 rows of books.csv is faulty"; err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(stdout, test.where) {
			t.Errorf("%s: got %v, want %s\n%s", name, err, want, stdout)
		}
	}
}

// The rows that a quote swallows are faulty too.
func TestRowsThatAQuoteSwallowsAreFaulty(t *testing.T) {
	ratings := func(quotes map[int]string) string {
		var b strings.Builder
		b.WriteString("user_id,book_id,rating\n")
		for row := range 1000 {
			line, changed := quotes[row+1]
			if !changed {
				line = fmt.Sprintf("%d,%d,5", row+1, row%100+1)
			}
			b.WriteString(line + "\n")
		}
		return b.String()
	}
	books := catalogueOf(1, 100)
	for name, test := range map[string]struct{ books, ratings, want string }{
		"to the end":       {books, ratings(map[int]string{201: `1001,"51,5`}), "800 of the 1000 rows of ratings.csv are faulty"},
		"closed":           {books, ratings(map[int]string{201: `1001,"51,5`, 401: `1002,51,5"`}), "201 of the 1000 rows of ratings.csv are faulty"},
		"closed in a cell": {books, ratings(map[int]string{201: `"1001,51,5`, 401: `1002",51,5`}), "201 of the 1000 rows of ratings.csv are faulty"},
		"books":            {strings.Replace(books, "Title 96,", `"Title 96,`, 1), ratings(nil), "5 of the 100 rows of books.csv are faulty"},
	} {
		to := storeFlagOf(t)
		stdout, _, err := execute(t, "import", to, "--books", write(t, "books.csv", test.books), "--ratings", write(t, "ratings.csv", test.ratings))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s\n%s", name, err, test.want, stdout)
		}
		exists(t, to, false)
	}
}

// A row that cannot be read does not remove its book.
func TestABookWithAFaultyRowIsKept(t *testing.T) {
	good := catalogueOf(1, 200)
	const kept = "books: 1 of the store is kept as it is, because a faulty row may be about it"
	for name, test := range map[string]struct {
		books string
		said  string
		want  int
	}{
		"a year":       {strings.Replace(good, "\n7,Title 7,A,1904", "\n7,Title 7,A,19o4", 1), kept, 200},
		"a cell more":  {strings.Replace(good, "\n7,Title 7,A", "\n7,Title 7,A,B", 1), kept, 200},
		"a quote":      {strings.Replace(good, "\n7,Title 7,A", "\n7,Title \"7,A", 1), kept, 200},
		"an id":        {strings.Replace(good, "\n7,Title 7,A", "\n7x,Title 7,A", 1), kept, 200},
		"a lost line":  {strings.Replace(good, "\n199,Title", "\n199,\"Title", 1), "books: 2 of the store are kept as they are, because faulty rows may be about them", 200},
		"two, one new": {strings.Replace(strings.Replace(catalogueOf(1, 201), "\n7,Title 7,A,1904", "\n7,Title 7,A,19o4", 1), "\n8,Title 8,A,1904,fantasy,0", "", 1), kept, 200}, // 8 is removed
	} {
		to := storeFlagOf(t)
		must(t, "import", to, "--books", write(t, "books.csv", good))
		got, _, err := execute(t, "import", to, "--allow-faulty=2%", "--books", write(t, "books.csv", test.books))
		if err != nil || !strings.Contains(got, test.said) || !strings.Contains(got, " faulty row") || strings.Contains(got, "; 1 faulty rows") {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
		if n := booksOf(t, to); n != test.want {
			t.Errorf("%s: %d books in the store, want %d", name, n, test.want)
		}
		if book, ok := findBook(t, to, 7); !ok || book.Title != "Title 7" || book.Year != 1904 {
			t.Errorf("%s: book 7 is %+v", name, book)
		}
	}
}

// findBook returns a book of a store.
func findBook(t *testing.T, flag string, id int64) (domain.Book, bool) {
	t.Helper()
	catalog, err := openStore(t, flag).Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range catalog.Books {
		if b.ID == id {
			return b, true
		}
	}
	return domain.Book{}, false
}

// A book that has the id of another and neither its title nor its author is another book.
func TestAnotherCatalogueWithTheSameIDsIsRefused(t *testing.T) {
	books := func(replaced int, with string) string {
		text := catalogueOf(1, 100)
		for id := range replaced {
			text = strings.Replace(text, fmt.Sprintf("\n%d,Title %d,A,", id+1, id+1), fmt.Sprintf("\n%d,%s,", id+1, with), 1)
		}
		return text
	}
	const said = "6 of the 100 books of the store have another title and another author in the file, over 5 %: " +
		"are the ids those of another catalogue? --allow-removals replaces them; nothing was imported"
	for name, test := range map[string]struct {
		books string
		flags []string
		err   string
	}{
		"5 %":            {books(5, "Other,B"), nil, ""},
		"6 %":            {books(6, "Other,B"), nil, said},
		"merged":         {books(6, "Other,B"), []string{"--merge"}, said},
		"dry run":        {books(6, "Other,B"), []string{"--dry-run"}, said},
		"allowed":        {books(6, "Other,B"), []string{"--allow-removals"}, ""},
		"another title":  {books(60, "Other,A"), nil, ""},
		"another case":   {books(60, "Other,a"), nil, ""},
		"another author": {books(9, "Title 1,B"), nil, "8 of the 100 books"}, // of which book 1 keeps its title
	} {
		to := storeFlagOf(t)
		must(t, "import", to, "--books", write(t, "books.csv", catalogueOf(1, 100)))
		_, _, err := execute(t, append([]string{"import", to, "--books", write(t, "books.csv", test.books)}, test.flags...)...)
		if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: got %v, want %s", name, err, test.err)
		}
		book, _ := findBook(t, to, 2)
		if refused := book.Title == "Title 2"; refused != (test.err != "") {
			t.Errorf("%s: book 2 is %+v after %v", name, book, err)
		}
	}
	must(t, "import", seeded(t), "--books", write(t, "books.csv", books(100, "Other,B"))) // the demonstration
}

// No replica could use a model of another catalogue.
func TestRollbackRefusesAModelOfAnotherCatalogue(t *testing.T) {
	to := storeFlagOf(t)
	ratings := func(first int) string {
		return write(t, "ratings.csv", fmt.Sprintf("user_id,book_id,rating\n1,%d,5\n1,%d,5\n2,%[1]d,5\n", first, first+1))
	}
	must(t, "import", to, "--books", write(t, "books.csv", catalogueOf(1, 9)), "--ratings", ratings(1), "--train")
	first, err := openStore(t, to).Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	must(t, "import", to, "--books", write(t, "books.csv", catalogueOf(11, 19)), "--ratings", ratings(11), "--allow-removals", "--drop-gone", "--train")
	before, err := openStore(t, to).Head(t.Context())
	if err != nil || before.Model == first.Model {
		t.Fatal(before, err)
	}
	_, _, err = execute(t, "models", "rollback", to)
	if want := "the previous model " + first.Model + " cannot be used, and was not activated: model is of another catalogue: of its 9 books the catalogue has 0"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	if after, err := openStore(t, to).Head(t.Context()); err != nil || after != before {
		t.Errorf("head %+v (%v), want %+v", after, err, before)
	}
}

// A book is new from the first import that has it, but for those of the first import of a
// catalogue. A file that says when the shop got a book is right.
func TestBooksAreAdded(t *testing.T) {
	t.Parallel()
	to, began := storeFlagOf(t), time.Now().Truncate(time.Second)
	added := func() map[int64]time.Time {
		catalog, err := openStore(t, to).Catalog(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		times := map[int64]time.Time{}
		for _, b := range catalog.Books {
			if !b.Added.IsZero() {
				times[b.ID] = b.Added
			}
		}
		return times
	}
	is := func(what string, want map[int64]time.Time) {
		if diff := cmp.Diff(want, added()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	must(t, "import", to, "--books", write(t, "books.csv", catalogueOf(1, 40)))
	is("the first import", map[int64]time.Time{})
	must(t, "import", to, "--books", write(t, "books.csv", catalogueOf(1, 41)))
	first := added()
	if at := first[41]; len(first) != 1 || at.Before(began) || at.After(time.Now()) {
		t.Fatalf("a further book: %v", first)
	}
	if got := must(t, "import", to, "--books", write(t, "books.csv", catalogueOf(1, 41))); !strings.Contains(got, "nothing changed") {
		t.Errorf("the same file again: %s", got)
	}
	is("the same file again", first)
	must(t, "import", to, "--merge", "--books", write(t, "books.csv", catalogueOf(42, 42)))
	merged := added()
	if at := merged[42]; len(merged) != 2 || at.Before(first[41]) {
		t.Errorf("a merged book: %v", merged)
	}
	must(t, "import", to, "--merge", "--books", write(t, "books.csv", "book_id,title,author,added\n1,Title 1,A,2025-11-21\n42,Title 42,A,\n"))
	merged[1] = time.Date(2025, 11, 21, 0, 0, 0, 0, time.UTC)
	is("a file with times", merged)

	must(t, "import", to, "--allow-removals", "--books", write(t, "books.csv", catalogueOf(101, 120)))
	for id, at := range added() {
		if id > 100 {
			t.Errorf("book %d of another catalogue was added at %v", id, at)
		}
	}
}

// A book that the files no longer have keeps what readers did with it, and comes back as it
// was with the next file that has it.
func TestBooksThatAreGoneComeBack(t *testing.T) {
	t.Parallel()
	to := storeFlagOf(t)
	all, fewer := write(t, "books.csv", catalogueOf(1, 40)), write(t, "books.csv", catalogueOf(2, 40))
	must(t, "import", to, "--books", all, "--ratings", write(t, "ratings.csv", "user_id,book_id,rating\n7,1,5\n7,2,4\n"))
	before := history(t, to, 7)
	first := func() domain.Book {
		catalog, err := openStore(t, to).Catalog(t.Context())
		if err != nil || len(catalog.Books) != 40 {
			t.Fatalf("%d books, %v", len(catalog.Books), err)
		}
		return catalog.Books[0]
	}
	was := first()
	for i, want := range []string{"books: 0 new, 0 changed, 39 as before, 1 gone\n", "39 as before, 0 gone\nbooks: 1 more were gone before\nnothing changed: the store has all of it\n"} {
		if got := must(t, "import", to, "--books", fewer); !strings.Contains(got, want) {
			t.Errorf("import %d without the book: %s", i, got)
		}
		if b := first(); !b.Gone || b.Hidden || b.Title != was.Title {
			t.Errorf("the book is %+v", b)
		}
	}
	if got := must(t, "import", to, "--ratings", write(t, "ratings.csv", "user_id,book_id,rating\n8,1,5\n")); !strings.Contains(got, "1 reader changed") {
		t.Errorf("a rating of a book that is gone: %s", got)
	}
	dir, files := exported(t, to)
	if !strings.Contains(files["books.csv"], "\n1,,Title 1,A,1904,fantasy,0,,,,,,,,,,,,,,,,,yes\n") {
		t.Errorf("the export has %s", files["books.csv"])
	}
	restored := storeFlagOf(t)
	must(t, "import", restored, "--from", dir)
	if _, again := exported(t, restored); cmp.Diff(files, again) != "" {
		t.Errorf("another export:\n%s", cmp.Diff(files, again))
	}
	if got := must(t, "import", to, "--books", all); !strings.Contains(got, "books: 1 new, 0 changed, 39 as before, 0 gone\nbooks: 1 of these are back, which were gone\n") {
		t.Errorf("the book is in the file again: %s", got)
	}
	if diff := cmp.Diff(was, first()); diff != "" {
		t.Errorf("the book came back otherwise: %s", diff)
	}
	if diff := cmp.Diff(before, history(t, to, 7)); diff != "" {
		t.Errorf("the history: %s", diff)
	}

	must(t, "import", to, "--books", write(t, "books.csv", catalogueOf(39, 40)), "--allow-removals")
	if n := booksOf(t, to); n != 2 {
		t.Errorf("%d books are not gone", n)
	}
	// The limit is about the books that are not gone.
	if _, _, err := execute(t, "import", to, "--books", write(t, "books.csv", catalogueOf(40, 40))); err == nil || !strings.Contains(err.Error(), "1 of the 2 books") {
		t.Errorf("one of two books: %v", err)
	}
	if got := must(t, "import", to, "--books", write(t, "books.csv", catalogueOf(39, 40)), "--drop-gone"); !strings.Contains(got, "that are gone are deleted") {
		t.Errorf("books are deleted: %s", got)
	}
	if catalog, err := openStore(t, to).Catalog(t.Context()); err != nil || len(catalog.Books) != 2 {
		t.Errorf("without those that are gone: %d books, %v", len(catalog.Books), err)
	}
}

// history returns the history of a reader.
func history(t *testing.T, flag string, reader int64) domain.History {
	t.Helper()
	r, err := openStore(t, flag).History(t.Context(), reader)
	if err != nil {
		t.Fatal(err)
	}
	h, err := domain.DecodeHistory(r.History)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
