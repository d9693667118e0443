package command_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bookstall/recommendations/internal/domain"
)

// profile returns the path of a file in the shape in which others publish or export it.
func profile(name string) string { return filepath.Join("..", "bookcsv", "testdata", "profiles", name) }

// Files of others are imported as they are, and come back from an export.
func TestFilesOfOthers(t *testing.T) {
	shelves := write(t, "book_tags.csv", "goodreads_book_id,tag_id,count\n500,10,900\n600,13,50\n")
	tags := write(t, "tags.csv", "tag_id,tag_name\n10,young-adult\n13,poetry\n")
	for name, test := range map[string]struct {
		args       []string
		said       []string
		books      int
		reader     int64
		categories string // of the first book
		history    domain.History
	}{
		"goodbooks-10k": {
			[]string{"--books", profile("goodbooks-10k-books.csv"), "--shelves", shelves, "--tags", tags},
			[]string{"goodbooks-10k-books.csv: read as goodbooks-10k; not used: [\"goodreads_book_id\""},
			2, 1, "[young-adult]", nil,
		},
		"Goodreads": {
			[]string{"--books", profile("goodreads-export.csv"), "--ratings", profile("goodreads-export.csv"), "--reader=12"},
			[]string{"read as Goodreads export; 1 row without a rating is skipped", "read 3 books and 2 ratings"},
			3, 12, "[fiction]", domain.History{{BookID: 101, Stars: 5}, {BookID: 103, Stars: 3}},
		},
		"Book-Crossing": {
			[]string{"--books", profile("book-crossing-books.csv"), "--ratings", profile("book-crossing-ratings.csv")},
			[]string{"read as Book-Crossing; in Windows-1252; cells separated by ';'; not used", "ratings up to 10; 1 row without a rating is skipped"},
			3, 276726, "[fiction]", domain.History{{BookID: 9780195153446, Stars: 4}},
		},
		"MovieLens": {
			[]string{"--books", profile("movielens-movies.csv"), "--ratings", profile("movielens-ratings.csv")},
			[]string{`movielens-ratings.csv: read as MovieLens; not used: ["timestamp"]`},
			3, 2, "[adventure animation children comedy]", domain.History{{BookID: 1, Stars: 1}, {BookID: 176601, Stars: 4}},
		},
		"a spreadsheet and likes": {
			[]string{"--books", profile("spreadsheet-books.csv"), "--interactions", profile("shop-likes.csv"), "--map", "user_id=Customer"},
			[]string{`spreadsheet-books.csv: in Windows-1252; cells separated by ';'; not used: ["Category"]`, "2 interactions were imported"},
			2, 12, "[fiction]", domain.History{{BookID: 8, Liked: true, Own: true}, {BookID: 7, Liked: true, Own: true}}, // in the order of their times
		},
	} {
		t.Run(name, func(t *testing.T) {
			to := storeFlagOf(t)
			args := append([]string{"import", to, "--strict"}, test.args...)
			got := must(t, args...)
			for _, said := range test.said {
				if !strings.Contains(got, said) {
					t.Errorf("the summary does not say %s:\n%s", said, got)
				}
			}
			s := openStore(t, to)
			catalog, err := s.Catalog(t.Context())
			if err != nil || len(catalog.Books) != test.books || fmt.Sprint(catalog.Books[0].Categories) != test.categories {
				t.Errorf("catalogue: %+v, %v", catalog, err)
			}
			reader, err := s.History(t.Context(), test.reader)
			if err != nil {
				t.Fatal(err)
			}
			history, err := domain.DecodeHistory(reader.History)
			if diff := cmp.Diff(test.history, history); diff != "" || err != nil {
				t.Errorf("%v, history (-want +got):\n%s", err, diff)
			}
			if got := must(t, args...); !strings.Contains(got, "nothing changed") {
				t.Errorf("the same again: %s", got)
			}
			dir, copied := filepath.Join(t.TempDir(), "export"), storeFlagOf(t)
			must(t, "export", to, dir)
			must(t, "import", copied, "--strict", "--from", dir)
			if again, err := openStore(t, copied).Catalog(t.Context()); err != nil || again.Version != catalog.Version {
				t.Errorf("the export came back as %+v, %v", again, err)
			}
		})
	}
}

func TestFormsThatCannotBe(t *testing.T) {
	books := write(t, "books.csv", someBooks)
	ratings := write(t, "ratings.csv", "user_id,book_id,stars\n1,1,7\n")
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"another name":          {nil, `ratings.csv:1: column "rating" is missing; the file has "user_id", "book_id", "stars": --map rating=COLUMN names the one to take; nothing was imported`},
		"a scale":               {[]string{"--map", "rating=stars"}, "ratings.csv has no row that can be imported"},
		"a column of nobody":    {[]string{"--map", "reader=stars"}, `--map: "reader" is not a column; the columns are added, at, author, availability, book_id`},
		"a column that is away": {[]string{"--map", "rating=stars,user_id=Kunde"}, `--map user_id=Kunde: no file that has such rows has the column "Kunde"; nothing was imported`},
		"a scale below 0":       {[]string{"--scale=-1"}, "--scale is -1"},
		"a scale of 0":          {[]string{"--scale=0"}, "--scale is 0, want more than 0"},
		"two names at once":     {[]string{"--map", "user_id=A,user_id=B"}, `--map: user_id is given as "A" and as "B"`},
		"two names in two":      {[]string{"--map=rating=stars", "--map=rating=Stars2"}, `--map: rating is given as "stars" and as "Stars2"`},
		"no name":               {[]string{"--map", "rating"}, `--map: "rating" must have the form COLUMN=NAME`},
		"nobody":                {[]string{"--reader=0"}, "--reader must be 1 or more"},
	} {
		_, _, err := execute(t, append([]string{"import", storeFlagOf(t), "--books", books, "--ratings", ratings}, test.args...)...)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s:\n got %v\nwant %s", name, err, test.want)
		}
	}
	if got := must(t, "import", storeFlagOf(t), "--books", books, "--ratings", ratings, "--map=rating=Stars", "--map=user_id=user_id,book_id=Book ID", "--scale=10"); !strings.Contains(got, "ratings up to 10") {
		t.Error(got)
	}
}

// A file that is given twice has its unused columns named once: those that neither reading uses.
func TestUnusedColumnsAreNamedOnce(t *testing.T) {
	file := profile("goodreads-export.csv")
	got := must(t, "import", storeFlagOf(t), "--books", file, "--ratings", file)
	if n := strings.Count(got, "not used"); n != 1 || strings.Contains(got, `"My Rating"`) || strings.Contains(got, `"Publisher"`) || !strings.Contains(got, `"Bookshelves"`) {
		t.Errorf("%d times:\n%s", n, got)
	}
}

// A price with more decimals than its currency is a mistake of the file.
func TestPricesWithFractions(t *testing.T) {
	const head = "book_id,title,author,price,currency\n"
	got := must(t, "import", storeFlagOf(t), "--books", write(t, "books.csv", head+"1,A,B,12.90,EUR\n2,A,B,1250.00,JPY\n3,A,B,12.50,JPY\n4,A,B,1.125,KWD\n5,A,B,1.125,EUR\n"))
	if want := "prices: 2 have more decimals than the currency, and are shown as they are in the file, the first at books.csv:4: price: 12.50 JPY\n"; !strings.Contains(got, want) {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got := must(t, "import", storeFlagOf(t), "--books", write(t, "books.csv", head+"1,A,B,12.9,EUR\n")); strings.Contains(got, "prices:") {
		t.Error(got)
	}
}
