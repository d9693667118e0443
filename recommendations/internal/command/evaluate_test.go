package command_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const evaluateData = "testdata/evaluate/"

// evaluated runs the command on small files and returns its output, with fixed
// times.
func evaluated(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	args = append([]string{"evaluate", "--ratings=" + evaluateData + "whole.csv", "--more-ratings=" + evaluateData + "more.csv"}, args...)
	if err := run(t.Context(), args, &out, io.Discard); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	text := regexp.MustCompile(`"train_seconds": [0-9.e-]+`).ReplaceAllString(out.String(), `"train_seconds": 0.5`)
	return regexp.MustCompile(`[0-9]+\.[0-9] s\n`).ReplaceAllString(text, "0.5 s\n")
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(evaluateData+name, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(evaluateData + name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; go test -update writes it):\n%s", name, diff)
	}
}

func TestEvaluate(t *testing.T) {
	plot := filepath.Join(t.TempDir(), "plot.svg")
	table := evaluated(t, "--fold=1", "--shelves="+evaluateData+"shelves.csv", "--by-category", "--short-histories", "--plot="+plot)
	golden(t, "table.golden", table)
	report := evaluated(t, "--fold=1", "--shelves="+evaluateData+"shelves.csv", "--by-category", "--short-histories", "--json")
	golden(t, "report.json.golden", report)
	picture, err := os.ReadFile(plot)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "plot.svg.golden", string(picture))
	if err := xml.Unmarshal(picture, &struct{}{}); err != nil {
		t.Errorf("the plot is not XML: %v", err)
	}
}

// TestEvaluateTakesFilesAsTheyAre: compressed files, and all ratings in one file.
func TestEvaluateTakesFilesAsTheyAre(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"whole.csv", "more.csv"} {
		text, err := os.ReadFile(evaluateData + name)
		if err != nil {
			t.Fatal(err)
		}
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		if _, err := z.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), packed.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	plain := evaluated(t, "--fold=2", "--shelves=none")
	packed := evaluated(t, "--fold=2", "--ratings="+filepath.Join(dir, "whole.csv"), "--more-ratings="+filepath.Join(dir, "more.csv"))
	if diff := cmp.Diff(plain, packed); diff != "" {
		t.Errorf("packed files (-plain +packed):\n%s", diff)
	}
	if !strings.Contains(plain, "category-popularity is left out: it needs categories") {
		t.Errorf("nothing is said of what is left out:\n%s", plain)
	}
}

// TestEvaluateLooksBesideTheRatings: files that were not given are found there.
func TestEvaluateLooksBesideTheRatings(t *testing.T) {
	given := evaluated(t, "--fold=1", "--by-category", "--shelves="+evaluateData+"shelves.csv")
	if found := evaluated(t, "--fold=1", "--by-category"); found != given {
		t.Errorf("found beside the ratings:\n%s\ngiven:\n%s", found, given)
	}
	dir := t.TempDir()
	text, err := os.ReadFile(evaluateData + "whole.csv")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"whole.csv": string(text), "books.csv": "book_id,title\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"evaluate", "--fold=1", "--ratings=" + filepath.Join(dir, "whole.csv")}
	if err := run(t.Context(), args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "books.csv:1: column") {
		t.Errorf("unreadable books: %v, want an error for line 1 of books.csv", err)
	}
	if err := run(t.Context(), append(args, "--books=none"), io.Discard, io.Discard); err != nil {
		t.Errorf("--books=none: %v, want no error", err)
	}
}

// TestEvaluateReadsBooks: authors and categories from the project's own format, authors
// from the format of goodbooks-10k.
func TestEvaluateReadsBooks(t *testing.T) {
	without := evaluated(t, "--fold=1")
	own, theirs := "book_id,title,author,year,categories,popularity\n", "book_id,title,authors,original_publication_year,language_code,isbn,ratings_count\n"
	for b := 1; b <= 60; b++ {
		own += fmt.Sprintf("%d,T,Author %d,,c%d,\n", b, b%20, b%3)
		theirs += fmt.Sprintf("%d,T,\"Author %d, Another\",,,,1\n", b, b%20)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"own.csv": own, "theirs.csv": theirs} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ours := func(text string) string {
		_, after, _ := strings.Cut(text, "\nlocal-ease  ")
		line, _, _ := strings.Cut(after, "\n")
		return strings.Join(strings.Fields(line), " ")
	}
	fromTheirs := evaluated(t, "--fold=1", "--books="+filepath.Join(dir, "theirs.csv"))
	fromOwn := evaluated(t, "--fold=1", "--by-category", "--books="+filepath.Join(dir, "own.csv"))
	if !strings.Contains(without, "local-ease knows no authors") || strings.Contains(fromTheirs, "knows no authors") {
		t.Errorf("what is said of authors is wrong:\n%s\n%s", without, fromTheirs)
	}
	if ours(without) == ours(fromTheirs) {
		t.Errorf("authors made no difference: %s", ours(without))
	}
	for _, want := range []string{"category-popularity  0.", "\nc0 ", "\nc1 ", "\nc2 "} {
		if !strings.Contains(fromOwn, want) {
			t.Errorf("%q is not in\n%s", want, fromOwn)
		}
	}
}

func TestEvaluateMeasuresVariety(t *testing.T) {
	books := "book_id,title,author,year,categories,popularity\n"
	for b := 1; b <= 60; b++ {
		books += fmt.Sprintf("%d,T,Author %d,,c%d,\n", b, b%8, b%5)
	}
	file, plot := filepath.Join(t.TempDir(), "books.csv"), filepath.Join(t.TempDir(), "variety.svg")
	if err := os.WriteFile(file, []byte(books), 0o600); err != nil {
		t.Fatal(err)
	}
	table := evaluated(t, "--fold=1", "--books="+file, "--variety", "--plot-variety="+plot)
	golden(t, "variety.golden", between(table, "first 12 books", "\n\n"))
	picture, err := os.ReadFile(plot)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "variety.svg.golden", string(picture))
	if err := xml.Unmarshal(picture, &struct{}{}); err != nil {
		t.Errorf("the plot is not XML: %v", err)
	}
	if json := evaluated(t, "--fold=1", "--books="+file, "--variety", "--json"); !strings.Contains(json, `"step": "balanced"`) {
		t.Errorf("no shelves in\n%s", json)
	}
	args := []string{"evaluate", "--ratings=" + evaluateData + "whole.csv", "--shelves=none", "--variety"}
	if err := run(t.Context(), args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "variety needs authors") {
		t.Errorf("without authors: %v", err)
	}
}

// between returns the part of a text from one mark up to the next.
func between(text, from, to string) string {
	_, rest, _ := strings.Cut(text, from)
	part, _, _ := strings.Cut(rest, to)
	return from + part + "\n"
}

func TestEvaluateLeavesFoldZeroOut(t *testing.T) {
	var all, less struct {
		Readers  int `json:"readers"`
		Training int `json:"training_readers"`
	}
	for into, args := range map[any][]string{&all: {"--fold=1", "--json"}, &less: {"--fold=1", "--json", "--validate"}} {
		if err := json.Unmarshal([]byte(evaluated(t, args...)), into); err != nil {
			t.Fatal(err)
		}
	}
	if all.Readers != less.Readers || all.Training <= less.Training {
		t.Errorf("%+v with fold 0, %+v without", all, less)
	}
}

func TestEvaluateSetsParameters(t *testing.T) {
	text := evaluated(t, "--fold=1", "--set=neighbours=3", "--set=lambda=2.5;prior-cap=0.5;stars-3=8")
	if !strings.Contains(text, "lambda 2.5, neighbours 3, prior-cap 0.5, prior-scale 1.8, stars-1 0, stars-2 0, stars-3 8,") {
		t.Errorf("the parameters are not in\n%s", text)
	}
}

func TestEvaluateRefuses(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	whole := "--ratings=" + evaluateData + "whole.csv"
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"no file", nil, "--ratings"},
		{"absent", []string{"--ratings=" + dir + "/none.csv"}, "none.csv: no such file"},
		{"fold", []string{whole, "--fold=5"}, "--fold is 5, want 0 to 4"},
		{"validation on fold 0", []string{whole, "--validate"}, "--fold must be 1 to 4"},
		{"categories of nothing", []string{whole, "--by-category", "--shelves=none"}, "--by-category needs categories, from --books or --shelves"},
		{"workers", []string{whole, "--workers=-1"}, "--workers is -1"},
		{"parameter", []string{whole, "--set=colour=1"}, "unknown parameter colour"},
		{"value", []string{whole, "--set=lambda=0"}, "--set: lambda is 0"},
		{"no such stars", []string{whole, "--set=stars-6=1"}, "unknown parameter stars-6"},
		{"more than full", []string{whole, "--set=stars-3=17"}, "stars-3 is 17, want a whole number, for stars 0 to 16"},
		{"author", []string{whole, "--set=author=-1"}, "author is -1"},
		{"part of a neighbour", []string{whole, "--set=neighbours=2.5"}, "neighbours is 2.5"},
		{"column", []string{"--ratings=" + file("c.csv", "user,book_id,rating\n")}, `c.csv:1: column "user_id" is missing; the file has "user", "book_id", "rating": --map user_id=COLUMN`},
		{"column of no file", []string{whole, "--map=rating=Stars"}, `--map rating=Stars: no file that has such rows has the column "Stars"`},
		{"row", []string{"--ratings=" + file("r.csv", "user_id,book_id,rating\n1,2,4\n1,3,nine\n")}, `r.csv:3: rating: "nine" is not a number`},
		{"row of the second file", []string{whole, "--more-ratings=" + file("m.csv", "user_id,book_id,rating\n99,0,4\n")}, "m.csv:2: book_id: 0 is less than 1"},
		{"half a packed file", []string{"--ratings=" + file("h.csv.gz", "\x1f\x8b\x08\x00\x00")}, "h.csv.gz: unexpected EOF"},
		{"nobody to test", []string{"--ratings=" + file("n.csv", "user_id,book_id,rating\n1,2,4\n")}, "no reader of fold 0"},
		{"books", []string{whole, "--books=" + file("b.csv", "book_id,title\n")}, `b.csv:1: column "author" is missing`},
		{"books of goodbooks", []string{whole, "--books=" + file("g.csv", "book_id,authors\n")}, `g.csv:1: column "title" is missing`},
		{"shelves", []string{whole, "--shelves=" + file("s.csv", "book_id,Fantasy\n1,2\n")}, `s.csv:1: column "Art" is missing`},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		err := run(t.Context(), append([]string{"evaluate"}, tt.args...), &out, io.Discard)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.want)
		}
		if out.Len() > 0 {
			t.Errorf("%s: printed %q", tt.name, out.String())
		}
	}
}

func TestEvaluateEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("Ctrl-C"))
	var out bytes.Buffer
	err := run(ctx, []string{"evaluate", "--ratings=" + evaluateData + "whole.csv"}, &out, io.Discard)
	if err == nil || err.Error() != "interrupted" || out.Len() > 0 {
		t.Errorf("%v, printed %q", err, out.String())
	}
}

// Ids may be texts, in every file the same, and the same data has as many readers and books.
func TestEvaluateTakesIDsThatAreTexts(t *testing.T) {
	t.Parallel()
	dir, books := t.TempDir(), map[string]bool{}
	for _, name := range []string{"whole.csv", "more.csv"} {
		text, err := os.ReadFile(evaluateData + name)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		user, book := slices.Index(rows[0], "user_id"), slices.Index(rows[0], "book_id")
		var out bytes.Buffer
		for i, row := range rows {
			if i > 0 {
				row[user], row[book] = row[user]+"@example.org", "SKU-"+row[book]
				books[row[book]] = true
			}
			fmt.Fprintln(&out, strings.Join(row, ","))
		}
		if err := os.WriteFile(filepath.Join(dir, name), out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list := "book_id,title,author,categories\n"
	for id := range books {
		list += id + ",T,A,fantasy\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "books.csv"), []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--ratings=" + filepath.Join(dir, "whole.csv"), "--more-ratings=" + filepath.Join(dir, "more.csv"), "--by-category"}
	got := evaluated(t, args...)
	if again := evaluated(t, args...); again != got {
		t.Errorf("the same files again: %s", cmp.Diff(got, again))
	}
	for _, want := range []string{"authors and categories: " + filepath.Join(dir, "books.csv"), "fantasy"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}
