package command_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bookstall/recommendations/internal/domain"
)

const textBooks = `book_id,title,author,categories
SKU-1,One,A,fantasy
550e8400-e29b-41d4-a716-446655440000,Two,B,romance
3,Three,C,romance
`

const textRatings = "user_id,book_id,rating\n" +
	"ann@example.org,SKU-1,5\nann@example.org,3,4\nbob@example.org,550e8400-e29b-41d4-a716-446655440000,4\n42,SKU-1,2\n"

func bookNumber(text string) int64   { return domain.FirstChoice(domain.BookID, text) }
func readerNumber(text string) int64 { return domain.FirstChoice(domain.ReaderID, text) }

// exported returns the files of an export, by name.
func exported(t *testing.T, from string) (dir string, files map[string]string) {
	t.Helper()
	dir, files = filepath.Join(t.TempDir(), "export"), map[string]string{}
	must(t, "export", from, dir)
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(name)] = string(content)
	}
	return dir, files
}

// Ids that are texts have the same numbers at each import, and come back from an export.
func TestIDsThatAreTexts(t *testing.T) {
	to := storeFlagOf(t)
	args := []string{
		"import", to, "--books", write(t, "books.csv", textBooks), "--ratings", write(t, "ratings.csv", textRatings),
		"--samples", write(t, "samples.csv", "user_id,label\nbob@example.org,Bob\n"),
		"--interactions", write(t, "likes.csv", "user_id,book_id,at\ncarl,SKU-1,2026-01-02\ncarl,SKU-0,2026-01-03\n"),
	}
	dry := must(t, append(args, "--dry-run")...)
	if !strings.Contains(dry, "new ids that are no numbers: 2 of books, 3 of readers\n") {
		t.Errorf("a dry run says %s", dry)
	}
	exists(t, to, false)
	must(t, append(args, "--train")...)
	head, err := openStore(t, to).Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if out := must(t, args...); strings.Contains(out, "no numbers") || !strings.Contains(out, "nothing changed") {
		t.Errorf("the same again says %s", out)
	}
	if again, err := openStore(t, to).Head(t.Context()); again != head || err != nil {
		t.Errorf("the same import again made %+v of %+v (%v)", again, head, err)
	}
	dir, files := exported(t, to)
	sku, two, ann, bob, carl := bookNumber("SKU-1"), bookNumber("550e8400-e29b-41d4-a716-446655440000"),
		readerNumber("ann@example.org"), readerNumber("bob@example.org"), readerNumber("carl")
	for file, lines := range map[string][]string{
		"books.csv":        {"\n3,,Three,", fmt.Sprintf("\n%d,SKU-1,One,", sku), fmt.Sprintf("\n%d,550e8400-e29b-41d4-a716-446655440000,Two,", two)},
		"ratings.csv":      {fmt.Sprintf("\n%d,%d,5\n%d,3,4\n", ann, sku, ann), fmt.Sprintf("\n%d,%d,4\n", bob, two), fmt.Sprintf("\n42,%d,2\n", sku)},
		"samples.csv":      {fmt.Sprintf("\n%d,Bob\n", bob)},
		"interactions.csv": {fmt.Sprintf("\n%d,%d,like,", carl, sku), fmt.Sprintf("\n%d,%d,like,", carl, bookNumber("SKU-0"))},
		"readers.csv":      {"user_id,external_id\n", fmt.Sprintf("\n%d,ann@example.org\n", ann), fmt.Sprintf("\n%d,carl\n", carl)},
	} {
		for _, line := range lines {
			if !strings.Contains(files[file], line) {
				t.Errorf("%s has no %q:\n%s", file, line, files[file])
			}
		}
	}
	restored := storeFlagOf(t)
	must(t, "import", restored, "--from", dir)
	if _, again := exported(t, restored); cmp.Diff(files, again) != "" {
		t.Errorf("another export:\n%s", cmp.Diff(files, again))
	}
	if out := must(t, "import", restored, "--from", dir); !strings.Contains(out, "nothing changed") {
		t.Errorf("the same export again: %s", out)
	}
	// Files of an export alone have the numbers that the store knows.
	if out := must(t, "import", restored, "--books", filepath.Join(dir, "books.csv"), "--ratings", filepath.Join(dir, "ratings.csv"),
		"--samples", filepath.Join(dir, "samples.csv")); !strings.Contains(out, "nothing changed") {
		t.Errorf("books and ratings of the export: %s", out)
	}
	other := storeFlagOf(t)
	must(t, "import", other, "--books", filepath.Join(dir, "books.csv"))
	if _, again := exported(t, other); again["books.csv"] != files["books.csv"] {
		t.Errorf("books of the export alone:\n%s", cmp.Diff(files["books.csv"], again["books.csv"]))
	}
}

// Books whose ids are texts are changed, kept and removed as others are.
func TestMergingIDsThatAreTexts(t *testing.T) {
	to := storeFlagOf(t)
	must(t, "import", to, "--books", write(t, "books.csv", textBooks), "--ratings", write(t, "ratings.csv", textRatings))
	next := write(t, "next.csv", "book_id,title,author,categories\nSKU-1,One again,A,fantasy\nSKU-9,Nine,D,fantasy\nSKU-1,One,A,fantasy\n\\N,Ten,E,fantasy\n")
	out := must(t, "import", to, "--books", next, "--merge", "--allow-faulty=50%")
	for _, want := range []string{
		"books: 1 new, 1 changed, 0 as before, 0 gone\n", "books: 2 of the store only, which stay\n", "new ids that are no numbers: 1 of books, 0 of readers\n",
		`next.csv:4: book_id: "SKU-1" is already on line 2`, `next.csv:5: book_id: "\\N" stands for a missing id`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	must(t, "import", to, "--books", write(t, "few.csv", "book_id,title,author,categories\nSKU-9,Nine,D,fantasy\n"), "--allow-removals")
	out = must(t, "import", to, "--ratings", write(t, "ratings.csv", "user_id,book_id,rating\n42,SKU-9,5\n42,SKU-1,5\n"))
	if !strings.Contains(out, "0 of unknown books") {
		t.Errorf("a book that is gone: %s", out)
	}
	must(t, "import", to, "--books", write(t, "few.csv", "book_id,title,author,categories\nSKU-9,Nine,D,fantasy\n"), "--drop-gone")
	out = must(t, "import", to, "--ratings", write(t, "ratings.csv", "user_id,book_id,rating\n42,SKU-9,4\n42,SKU-1,5\n"))
	if !strings.Contains(out, `the first at ratings.csv:3: book_id: "SKU-1" is not a book of the catalogue`) {
		t.Errorf("a book that was dropped: %s", out)
	}
	must(t, "import", to, "--books", write(t, "books.csv", textBooks), "--allow-removals")
	_, files := exported(t, to)
	if !strings.Contains(files["books.csv"], fmt.Sprintf("\n%d,SKU-1,One,", bookNumber("SKU-1"))) {
		t.Errorf("the book that came back: %s", files["books.csv"])
	}
}

// In a column of numbers and texts, 007 and 7 are two; among numbers they are one, as they
// always were.
func TestIDsWithLeadingZeros(t *testing.T) {
	const header = "book_id,title,author,categories\n"
	mixed := storeFlagOf(t)
	must(t, "import", mixed, "--books", write(t, "books.csv", header+"007,Bond,A,fantasy\n7,Seven,B,fantasy\nA12,Twelve,C,fantasy\n"))
	must(t, "import", mixed, "--ratings", write(t, "ratings.csv", "user_id,book_id,rating\n07,007,5\n7,7,4\n"))
	_, files := exported(t, mixed)
	if want := fmt.Sprintf("user_id,book_id,rating\n7,%d,5\n7,7,4\n", bookNumber("007")); files["ratings.csv"] != want {
		t.Errorf("mixed books: ratings %s, want %s", files["ratings.csv"], want)
	}

	numbers := storeFlagOf(t)
	must(t, "import", numbers, "--books", write(t, "books.csv", header+"007,Bond,A,fantasy\n012,Twelve,C,fantasy\n"))
	more := write(t, "books.csv", header+"007,Bond,A,fantasy\n012,Twelve,C,fantasy\nA13,More,C,fantasy\n")
	if out, _, err := execute(t, "import", numbers, "--books", more); err == nil || !strings.Contains(out,
		`books.csv:4: book_id: "A13" is a text, but the ids of the store are numbers: --text-ids takes it all the same`) {
		t.Errorf("a text in a store of numbers: %v\n%s", err, out)
	}
	out := must(t, "import", numbers, "--books", more, "--text-ids")
	if !strings.Contains(out, "books: 1 new, 0 changed, 2 as before, 0 gone\n") {
		t.Errorf("a text beside numbers that the store has: %s", out)
	}
	must(t, "import", numbers, "--ratings", write(t, "ratings.csv", "user_id,book_id,rating\nx,7,5\n07,012,5\n7,7,4\n"))
	_, files = exported(t, numbers)
	for _, row := range []string{"\n7,7,4\n", fmt.Sprintf("\n%d,7,5\n", readerNumber("x")), fmt.Sprintf("\n%d,12,5\n", readerNumber("07"))} {
		if !strings.Contains(files["ratings.csv"], row) {
			t.Errorf("mixed readers: no row %q in %s", row, files["ratings.csv"])
		}
	}
}

// A file without ids has the ISBN as the id of a book.
func TestISBNsAsIDs(t *testing.T) {
	to := storeFlagOf(t)
	must(t, "import", to,
		"--books", write(t, "books.csv", "isbn,title,author,categories\n0-439-02348-3,One,A,fantasy\n9780195153446,Two,B,fantasy\nB0000EXAMPLE,Three,C,fantasy\n"),
		"--ratings", write(t, "ratings.csv", "user_id,isbn,rating\nann,9780439023481,5\nann,0195153448,4\nann,B0000EXAMPLE,4\n"))
	_, files := exported(t, to)
	if !strings.Contains(files["books.csv"], "\n9780195153446,,Two,") || !strings.Contains(files["ratings.csv"], ",9780439023481,5\n") {
		t.Errorf("books %s\nratings %s", files["books.csv"], files["ratings.csv"])
	}
}

// An ISBN of 10 digits whose check digit is wrong is a text: the form with 13 digits, which does
// not have that digit, would be that of another book.
func TestISBNsWithWrongCheckDigitsAreNotMerged(t *testing.T) {
	to := storeFlagOf(t)
	got := must(t, "import", to,
		"--books", write(t, "books.csv", "isbn,title,author\n0439023483,One,A\n043902348X,Two,B\n"),
		"--ratings", write(t, "ratings.csv", "user_id,isbn,rating\n1,0439023483,5\n1,043902348X,3\n"))
	_, files := exported(t, to)
	id := strconv.FormatInt(bookNumber("043902348X"), 10)
	if strings.Contains(got, "faulty, and") || !strings.Contains(files["books.csv"], "\n9780439023481,,One,") || !strings.Contains(files["books.csv"], "\n"+id+",043902348X,Two,") ||
		!strings.Contains(files["ratings.csv"], "\n1,"+id+",3\n") {
		t.Errorf("%s\nbooks %s\nratings %s", got, files["books.csv"], files["ratings.csv"])
	}
}
