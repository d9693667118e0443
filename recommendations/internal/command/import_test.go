package command_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/sample"
	"bookstall/recommendations/internal/store"
)

// execute runs a command and returns its output.
func execute(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	err = run(t.Context(), args, &out, &errs)
	return out.String(), errs.String(), err
}

// One of the two flags for the store is enough, and without both a command says so.
func TestTheStoreIsRequired(t *testing.T) {
	for _, command := range [][]string{{"import", "--books=x"}, {"export", "x"}, {"train"}, {"report"}, {"models", "list"}, {"models", "rollback"}} {
		if _, _, err := execute(t, command...); err == nil || !strings.Contains(err.Error(), "--store or --store-file is missing") {
			t.Errorf("%v without a store: %v", command, err)
		}
		if help := strings.Join(strings.Fields(must(t, append(command, "--help")...)), " "); strings.Contains(help, "--store=URL --store-file=FILE") || !strings.Contains(help, "This or --store-file is required") {
			t.Errorf("the help of %v wants both flags:\n%s", command, help)
		}
	}
}

// must runs a command that has to succeed.
func must(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, err := execute(t, args...)
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, stderr)
	}
	return stdout
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if strings.HasSuffix(name, ".gz") {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		content = packed.String()
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func storeFlagOf(t *testing.T) string {
	t.Helper()
	return "--store=sqlite:" + filepath.Join(t.TempDir(), "test.db")
}

// openStore opens the store of a --store flag.
func openStore(t *testing.T, flag string) *store.Store {
	t.Helper()
	s, err := store.Open(strings.TrimPrefix(flag, "--store="), store.Options{Log: logr.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// A catalogue without popularity is named, until it is there.
func TestImportSaysThatTheModelCountsPopularity(t *testing.T) {
	t.Parallel()
	const note = "popularity: no book has one, so it is the number of readers who like a book, counted at each training\n"
	to := storeFlagOf(t)
	for i, step := range []struct {
		args []string
		says bool
	}{
		{[]string{"--books", write(t, "books.csv", "book_id,title,author\n1,One,A\n2,Two,B\n")}, true},
		{[]string{"--ratings", write(t, "ratings.csv", "user_id,book_id,rating\n1,1,5\n")}, false},
		{[]string{"--merge", "--books", write(t, "books.csv", "book_id,title,author,popularity\n3,Three,C,0\n")}, true},
		{[]string{"--merge", "--books", write(t, "books.csv", "book_id,title,author,popularity\n3,Three,C,7\n")}, false},
	} {
		if got := must(t, append([]string{"import", to}, step.args...)...); strings.Contains(got, note) != step.says {
			t.Errorf("import %d: %s", i+1, got)
		}
	}
}

const someBooks = `book_id,title,author,year,categories,popularity
1,One,A,1901,fantasy,3
2,Two,B,1902,romance|fantasy,2
3,Three,C,,romance,1
`

// took is the part of the output that differs from run to run.
var took = regexp.MustCompile(` in [0-9.]+(ms|s|m)+`)

func TestImportTwice(t *testing.T) {
	to := storeFlagOf(t)
	args := []string{
		"import", to, "--books", write(t, "books.csv", someBooks),
		"--ratings", write(t, "ratings.csv.gz", "user_id,book_id,rating\n1,1,5\n1,2,4\n2,3,1\n"),
		"--ratings", write(t, "more.csv", "rating,book_id,user_id\n2,1,1\n"),
		"--samples", write(t, "samples.csv", "user_id,label\n1,One\n"),
	}
	want := `read 3 books and 4 ratings; 0 faulty rows, 0 of unknown books
books: 3 new, 0 changed, 0 as before, 0 gone
sample readers: 1 new, 0 changed, 0 as before, 0 gone
the store has a new catalogue of 3 books; the histories of 2 readers changed; 1 rating of a reader and book of another row: the last counts
`
	if got := took.ReplaceAllString(must(t, args...), ""); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	head, err := openStore(t, to).Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	must(t, args...)
	if again, err := openStore(t, to).Head(t.Context()); again != head || err != nil {
		t.Errorf("the same import again made %+v of %+v (%v)", again, head, err)
	}
}

func TestFaultyRows(t *testing.T) {
	books := write(t, "books.csv", someBooks+"4,,D,1904,fantasy,0\n5,Five,E,1905,Not A Slug,0\n6,,D,1904,fantasy,0\n")
	ratings := write(t, "ratings.csv", "user_id,book_id,rating\n1,1,5\n1,99,5\n-1,1,5\n1,2,6\n1,4,5\n2,2,5\n")
	to := storeFlagOf(t)
	args := []string{"import", to, "--books", books, "--ratings", ratings}
	summary := `read 3 books and 2 ratings; 5 faulty rows, 2 of unknown books
books: 3 new, 0 changed, 0 as before, 0 gone
books.csv: 3 of 6 rows are faulty, and are skipped:
        2  books.csv:5: title: is empty
           books.csv:7: title: is empty
        1  books.csv:6: categories: "Not A Slug" is not a category: it must have the form self-help, at most 40 characters
ratings.csv: 2 of 6 rows are of books that the catalogue does not have, and are skipped, the first at ratings.csv:3: book_id: 99 is not a book of the catalogue
ratings.csv: 2 of 6 rows are faulty, and are skipped:
        1  ratings.csv:4: user_id: -1 is less than 1
        1  ratings.csv:5: rating: "6" is above 5: ratings up to 10 need --scale=10
`
	stdout, _, err := execute(t, args...)
	want := "3 of the 6 rows of books.csv are faulty, over 1 %: mend them, or skip them with --allow-faulty=N%; " +
		"2 of the 6 rows of ratings.csv are faulty, over 1 %: mend them, or skip them with --allow-faulty=N%; nothing was imported"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if diff := cmp.Diff(summary, took.ReplaceAllString(stdout, "")); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	exists(t, to, false)
	if got, want := took.ReplaceAllString(must(t, append(args, "--allow-faulty=50%")...), ""), summary+"the store has a new catalogue of 3 books; the histories of 2 readers changed\n"; got != want {
		t.Errorf("allowed: got\n%swant\n%s", got, want)
	}

	strict := storeFlagOf(t)
	_, _, err = execute(t, "import", strict, "--books", books, "--ratings", ratings, "--strict")
	if err == nil || err.Error() != "books.csv:5: title: is empty; nothing was imported" {
		t.Errorf("strict: %v, want the error of line 5", err)
	}
	exists(t, strict, false)
}

// exists checks whether the file of a --store flag exists.
func exists(t *testing.T, flag string, want bool) {
	t.Helper()
	if _, err := os.Stat(strings.TrimPrefix(flag, "--store=sqlite:")); (err == nil) != want {
		t.Errorf("the file of the store exists: %v, want %v", err == nil, want)
	}
}

// Ids of the shop's visitors are refused, except from an export.
func TestVisitorsAreNotImported(t *testing.T) {
	to := storeFlagOf(t)
	books := write(t, "books.csv", someBooks)
	for name, content := range map[string]string{
		"--ratings":      "user_id,book_id,rating\n4503599627370496,1,5\n",
		"--interactions": "id,user_id,book_id,kind,rating,at\na,9007199254740990,1,like,,2026-01-01T00:00:00Z\n",
	} {
		_, _, err := execute(t, "import", to, "--strict", "--drop-demo", "--books", books, name, write(t, "rows.csv", content))
		if err == nil || !strings.Contains(err.Error(), "user_id") || !strings.Contains(err.Error(), "is an id of the shop's visitors") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Nothing is stored for nobody, not even from an export.
func TestNothingIsImportedForNobody(t *testing.T) {
	for file, content := range map[string]string{
		"ratings.csv":      "user_id,book_id,rating\n9007199254740991,1,5\n",
		"interactions.csv": "id,user_id,book_id,kind,rating,at\na,9007199254740991,1,like,,2026-01-01T00:00:00Z\n",
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{"books.csv": someBooks, file: content} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := execute(t, "import", storeFlagOf(t), "--strict", "--from", dir); err == nil || !strings.Contains(err.Error(), "the id of nobody") {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestManyFaultyRowsAreCounted(t *testing.T) {
	rows := strings.Repeat("1,1,6\n", 500)
	stdout, _, err := execute(t, "import", storeFlagOf(t), "--books", write(t, "books.csv", someBooks), "--allow-faulty=99.9%",
		"--ratings", write(t, "ratings.csv", "user_id,book_id,rating\n1,1,5\n"+rows))
	if err != nil || !strings.Contains(stdout, "500 of 501 rows are faulty") || strings.Count(stdout, "is above 5") != 3 {
		t.Errorf("%v: %s", err, stdout)
	}
}

func TestImportThatCannotBe(t *testing.T) {
	books := write(t, "books.csv", someBooks)
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"nothing":           {[]string{}, "nothing to import"},
		"no store":          {[]string{"--store=mysql://x", "--books", books}, "--store: the store must be sqlite:FILE or postgres://"},
		"a store in quotes": {[]string{"--store=\"sqlite:x\"", "--books", books}, "--store: the store begins with a quote, which is taken as a part of it: it must be sqlite:FILE or"},
		"a file is missing": {[]string{"--books", "no-such-file"}, "no-such-file: no such file or directory; nothing was imported"},
		"a folder":          {[]string{"--books", t.TempDir()}, "is a folder, want a file"},
		"wrong columns":     {[]string{"--books", write(t, "b.csv", "a,b\n1,2\n")}, `b.csv:1: column "book_id" is missing; the file has "a", "b": --map book_id=COLUMN`},
		"an empty file":     {[]string{"--books", write(t, "b.csv", "")}, "b.csv:1: the file is empty"},
		"no book at all":    {[]string{"--books", write(t, "b.csv", "book_id,title,author,year,categories,popularity\n")}, "b.csv has no books"},
		"ratings alone":     {[]string{"--ratings", write(t, "r.csv", "user_id,book_id,rating\n")}, "the store has no books yet"},
		"no export":         {[]string{"--from", t.TempDir()}, "is not an export"},
		"shelves of ours":   {[]string{"--books", books, "--shelves", books}, "only for the books of goodbooks-10k"},
		"samples alone":     {[]string{"--samples", books}, "--samples comes with --books, which is missing"},
		"shelves alone":     {[]string{"--shelves", books}, "--shelves gives the books of --books their categories, which is missing"},
		"merge of nothing":  {[]string{"--ratings", books, "--merge"}, "--merge is about the books"},
		"books twice":       {[]string{"--books", books, "--books", books}, "--books: may be given only once"},
		"from and more":     {[]string{"--from", t.TempDir(), "--samples", books}, "--from imports all files of an export: give no other"},
		"a share over 100":  {[]string{"--books", books, "--allow-faulty=101%"}, "is not a percentage"},
		"tags alone":        {[]string{"--books", books, "--tags", books}, "--tags names the tags of --shelves"},
		"a workbook":        {[]string{"--books", write(t, "b.xlsx", "PK\x03\x04\x14\x00")}, "b.xlsx is a workbook of a spreadsheet program, or a ZIP archive: save it as CSV"},
		"an old workbook":   {[]string{"--books", write(t, "b.xls", "\xd0\xcf\x11\xe0\xa1")}, "b.xls is a workbook"},
		"a file of 3 bytes": {[]string{"--books", write(t, "b.csv", "PK\x03")}, "b.csv:1: column"},
		"damaged gzip":      {[]string{"--books", write(t, "b.csv", "\x1f\x8bnonsense")}, "b.csv: "},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"import", storeFlagOf(t)}, test.args...)
			if _, _, err := execute(t, args...); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestAnInterruptedImportLeavesNothing(t *testing.T) {
	to := storeFlagOf(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	err := run(ctx, []string{"import", to, "--books", write(t, "books.csv", someBooks)}, &out, &out)
	if err == nil || err.Error() != "interrupted: nothing was imported" {
		t.Errorf("got %v, want that nothing was imported", err)
	}
	if head, err := openStore(t, to).Head(t.Context()); err != nil || head.CatalogVersion != "" {
		t.Errorf("head: %+v, %v; want no catalogue", head, err)
	}
}

func TestExportAndRestore(t *testing.T) {
	from, to := storeFlagOf(t), storeFlagOf(t)
	whole := `book_id,title,author,categories,series,series_number,availability,stock,hidden,buy_url,publisher,format,pages,contributors,description,added,gone
1,One,A,fantasy,Saga,2,unavailable,12,no,"https://shop.example/?a=1,2",Quay Press,Paperback,310,Alan Lee (illustrator)|Ida Field,"First.

Second.",2025-11-21 12:00:00+02:00,no
2,Two,B,romance,,,available,0,yes,,,,0,,,2025-11-20,yes
3,Three,C,romance,,,,,,,,,,,,,yes
`
	must(t, "import", from, "--books", write(t, "books.csv", whole),
		"--ratings", write(t, "ratings.csv", "user_id,book_id,rating\n1,1,5\n2,3,1\n"),
		"--samples", write(t, "samples.csv", "user_id,label\n1,One\n"))
	s := openStore(t, from)
	for i, kind := range []domain.Kind{
		domain.Like, domain.Unlike, domain.Purchase, domain.View, domain.Want, domain.Unwant, domain.Unpurchase, domain.Dismiss, domain.Undismiss, domain.Want,
	} {
		_, err := s.Record(t.Context(), []domain.Interaction{{ID: fmt.Sprint(i), UserID: 2000000007, BookID: int64(1 + i%3), Kind: kind}})
		if err != nil {
			t.Fatal(err)
		}
	}
	forgotten, err := s.Forget(t.Context(), domain.FirstVisitor, 0)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "backup")
	if got := must(t, "export", from, dir); got != dir+": 3 books, 2 ratings, 1 sample readers, 10 interactions\n" {
		t.Error(got)
	}
	if _, _, err := execute(t, "export", from, dir); err == nil || !strings.Contains(err.Error(), "contains an export already") {
		t.Errorf("second export to the folder: %v, want an error", err)
	}
	exported, err := os.ReadFile(filepath.Join(dir, "books.csv"))
	if err != nil || !strings.Contains(string(exported), `,unavailable,12,,"https://shop.example/?a=1,2",Quay Press,Paperback,310,2,Alan Lee (illustrator)|Ida Field,2025-11-21T10:00:00Z,`+"\n") ||
		!strings.Contains(string(exported), ",available,0,yes,,,,,,,2025-11-20,yes\n") {
		t.Errorf("%s, %v", exported, err)
	}
	must(t, "import", to, "--from", dir)
	again := filepath.Join(t.TempDir(), "again")
	must(t, "export", to, again)
	for _, name := range []string{"books.csv", "ratings.csv", "samples.csv", "interactions.csv", "forgotten.csv"} {
		one, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		other, err := os.ReadFile(filepath.Join(again, name))
		if err != nil || !bytes.Equal(one, other) {
			t.Errorf("%s came back as\n%s, want\n%s (%v)", name, other, one, err)
		}
	}
	var histories [2]domain.Reader
	for i, flag := range []string{from, to} {
		if histories[i], err = openStore(t, flag).History(t.Context(), 2000000007); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(histories[0].History, histories[1].History) {
		t.Errorf("the history came back as % x, want % x", histories[1].History, histories[0].History)
	}
	if restored, err := openStore(t, to).History(t.Context(), domain.FirstVisitor); err != nil || restored.Generation != forgotten.Generation || !restored.Forgotten {
		t.Errorf("a forgotten reader came back as %+v, %v", restored, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*.csv.*")); err != nil || len(left) > 0 {
		t.Errorf("temporary files stayed: %v, %v", left, err)
	}
}

// seeded returns the --store flag of a store with the embedded data.
func seeded(t *testing.T) (flag string) {
	t.Helper()
	flag = storeFlagOf(t)
	if did, err := openStore(t, flag).Seed(t.Context(), sample.Load); !did || err != nil {
		t.Fatal(did, err)
	}
	return flag
}

func TestModelsAreTrainedListedAndRolledBack(t *testing.T) {
	in := seeded(t)
	if got := must(t, "models", "list", in); !strings.Contains(got, "the store has no models") {
		t.Error(got)
	}
	file := filepath.Join(t.TempDir(), "first.model")
	got := must(t, "train", in, "--out", file)
	model := regexp.MustCompile(`model ([0-9a-f]{12}), \d+ bytes, is active`).FindStringSubmatch(got)
	if model == nil || !strings.Contains(got, "trained on 1200 readers who like 1272 books 24155 times") || !strings.Contains(got, "NDCG@100 0.5") {
		t.Fatal(got)
	}
	first := model[1]
	// The same data make the same model, byte for byte.
	again := filepath.Join(t.TempDir(), "again.model")
	if got := must(t, "train", in, "--out", again, "--workers=3"); !strings.Contains(got, "model "+first) {
		t.Errorf("the same data made another model: %s", got)
	}
	one, err1 := os.ReadFile(file)
	other, err2 := os.ReadFile(again)
	if err1 != nil || err2 != nil || !bytes.Equal(one, other) {
		t.Errorf("the files differ (%v, %v)", err1, err2)
	}

	if _, err := openStore(t, in).Record(t.Context(), []domain.Interaction{{ID: "x", UserID: 5, BookID: 1, Kind: domain.Like}, {ID: "y", UserID: 5, BookID: 2, Kind: domain.Like}}); err != nil {
		t.Fatal(err)
	}
	got = must(t, "train", in, "--no-measure", "--no-activate")
	second := regexp.MustCompile(`model ([0-9a-f]{12}), \d+ bytes, is in the store; it is not active`).FindStringSubmatch(got)[1]
	if got := must(t, "models", "activate", in, second[:6]); got != "model "+second+" is active\n" {
		t.Error(got)
	}
	if got := must(t, "models", "list", in); !regexp.MustCompile(second+` .*since `).MatchString(got) || !regexp.MustCompile(first+` .*0\.5\d+ .*last `).MatchString(got) {
		t.Error(got)
	}
	if got := must(t, "models", "rollback", in); got != "model "+first+" is active again, in place of "+second+"\n" {
		t.Error(got)
	}
	if got := must(t, "models", "show", in, first); !strings.Contains(got, `"ndcg@100"`) || !strings.Contains(got, `"readers": 1200`) {
		t.Error(got)
	}
	empty := storeFlagOf(t)
	if _, err := openStore(t, empty).Head(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := must(t, "models", "add", empty, file); !strings.Contains(got, first) {
		t.Error(got)
	}
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"empty":       {[]string{"models", "activate", in, ""}, "the version is empty"},
		"twice back":  {[]string{"models", "rollback", in}, "no other model was active before"},
		"unknown":     {[]string{"models", "activate", in, "nope"}, `model not found: "nope"`},
		"of no books": {[]string{"models", "activate", empty, first}, "model is of another catalogue"},
		"no earlier":  {[]string{"models", "rollback", empty}, "no other model was active before"},
		"not a model": {[]string{"models", "add", empty, write(t, "x", "x")}, "model is damaged"},
		"no books":    {[]string{"train", empty}, "the store has no books"},
	} {
		if _, _, err := execute(t, test.args...); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
}

func TestTheDemonstrationIsNotDroppedByAccident(t *testing.T) {
	in := seeded(t)
	books := write(t, "books.csv", someBooks)
	if _, err := openStore(t, in).Record(t.Context(), []domain.Interaction{{ID: "x", UserID: 5, BookID: 1, Kind: domain.Like}}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := execute(t, "import", in, "--books", books); err == nil || !strings.Contains(err.Error(), "--drop-demo deletes them") {
		t.Errorf("got %v, want an error that names --drop-demo", err)
	}
	if got := must(t, "import", in, "--books", books, "--drop-demo"); !strings.Contains(got, "the embedded demonstration was removed; the store has a new catalogue of 3 books") {
		t.Error(got)
	}
}

func TestGoodbooksOwnFiles(t *testing.T) {
	books := write(t, "books.csv", `book_id,goodreads_book_id,isbn,authors,original_publication_year,title,language_code,ratings_count
1,500,439023483,"Ann Author, Bob Other",2008.0,"The Games (The Games, #1)",eng,4780653
2,600,,Carl,-720.0,Old Songs,,10
`)
	tags := write(t, "tags.csv", "tag_id,tag_name\n10,young-adult\n11,to-read\n12,sci-fi\n13,poetry\n")
	bookTags := write(t, "book_tags.csv", "goodreads_book_id,tag_id,count\n500,10,900\n500,11,99999\n500,13,-1\n600,13,50\n777,13,5\n")
	to := storeFlagOf(t)
	must(t, "import", to, "--books", books, "--shelves", bookTags, "--tags", tags)
	catalog, err := openStore(t, to).Catalog(t.Context())
	if err != nil || len(catalog.Books) != 2 {
		t.Fatalf("catalogue: %+v, %v; want 2 books", catalog, err)
	}
	one, two := catalog.Books[0], catalog.Books[1]
	if one.Title != "The Games" || one.Series != "The Games #1" || one.Author != "Ann Author" || fmt.Sprint(one.Categories) != "[young-adult]" {
		t.Errorf("first book: %+v, want The Games #1 by Ann Author, young-adult", one)
	}
	if two.Year != -720 || fmt.Sprint(two.Categories) != "[poetry]" {
		t.Errorf("second book: %+v, want year -720 and poetry", two)
	}
	if _, _, err := execute(t, "import", storeFlagOf(t), "--books", books); err == nil || !strings.Contains(err.Error(), "name it with --shelves") {
		t.Errorf("import without --shelves: %v, want an error that names the flag", err)
	}
}

// A backup of a store without books can be restored, but does not empty another.
func TestAnExportOfAnEmptyStore(t *testing.T) {
	empty, to := storeFlagOf(t), storeFlagOf(t)
	forgotten, err := openStore(t, empty).Forget(t.Context(), domain.FirstVisitor, 0)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "export")
	must(t, "export", empty, dir)
	must(t, "import", to, "--from", dir)
	if restored, err := openStore(t, to).History(t.Context(), domain.FirstVisitor); err != nil || restored.Generation != forgotten.Generation {
		t.Errorf("a forgotten reader came back as %+v, %v", restored, err)
	}
	if got := must(t, "import", to, "--from", dir); !strings.Contains(got, "nothing changed") {
		t.Errorf("once more: %s", got)
	}
	must(t, "import", to, "--books", write(t, "books.csv", someBooks))
	if _, _, err := execute(t, "import", to, "--allow-removals", "--from", dir); err == nil || err.Error() != "books.csv has no books that can be imported; nothing was imported" {
		t.Errorf("into a store with books: %v", err)
	}
}
