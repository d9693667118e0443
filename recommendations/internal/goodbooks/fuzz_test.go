package goodbooks_test

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"

	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/goodbooks"
)

// FuzzTables reads the input as each of the set's other tables.
func FuzzTables(f *testing.F) {
	f.Add([]byte("tag_id,tag_name,goodreads_book_id,book_id,count\n1,sci-fi,2,3,4\n-1,fantasy,0,0,-4\nx,\xff,1e3,1,9007199254740993\n"))
	f.Add([]byte("book_id," + strings.Join(shelves(), ",") + "\n1" + strings.Repeat(",7", len(shelves())) + "\n2" + strings.Repeat(",-1", len(shelves())) + "\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		tags, _ := count(t, content, goodbooks.Tags)
		for _, tag := range tags {
			if shelf := tag.Shelf(); tag.ID < 0 || shelf != "" && !slices.Contains(shelves(), shelf) {
				t.Errorf("%+v is on the shelf %q", tag, shelf)
			}
		}
		ids, _ := count(t, content, goodbooks.BookIDs)
		for _, id := range ids {
			if id.Book < 1 || id.Goodreads < 1 {
				t.Errorf("%+v, want ids of at least 1", id)
			}
		}
		counts, _ := count(t, content, goodbooks.BookTags)
		for _, c := range counts {
			if c.Goodreads < 1 || c.Tag < 0 || c.Count < 0 {
				t.Errorf("%+v, want an id of at least 1, tag and count of at least 0", c)
			}
		}
		books, _ := count(t, content, goodbooks.Shelves)
		for _, b := range books {
			names := b.Shelved.Categories()
			for _, name := range names {
				if !slices.Contains(categories(), name) {
					t.Errorf("%+v has the category %q", b, name)
				}
			}
			if len(slices.Compact(slices.Sorted(slices.Values(names)))) != len(names) || b.BookID < 1 {
				t.Errorf("%+v has the categories %q", b, names)
			}
		}
	})
}

// shelves lists the columns of a table of shelf counts.
func shelves() []string {
	return []string{
		"Fantasy", "Paranormal", "Science Fiction", "Mystery", "Crime", "Thriller", "Suspense", "Romance", "Chick Lit", "Horror",
		"Historical Fiction", "Classics", "Young Adult", "Children's", "Comics", "Graphic Novels", "Manga", "Poetry", "Biography", "Memoir",
		"History", "Self Help", "Psychology", "Religion", "Spirituality", "Christian", "Philosophy", "Science", "Business", "Fiction",
		"Nonfiction", "Art", "Contemporary", "Cookbooks", "Gay and Lesbian", "Humor and Comedy", "Music", "Sports", "Travel",
	}
}

// categories lists the categories that books can have.
func categories() []string {
	return []string{
		"fantasy", "science-fiction", "mystery-thriller", "romance", "horror", "historical-fiction", "classics", "young-adult", "children",
		"comics", "poetry", "biography-memoir", "history", "self-help", "religion-philosophy", "science-business", "fiction", "non-fiction",
	}
}

// count reads a file to its end. It fails if there are more rows than lines.
func count[T any](t *testing.T, content []byte, read func(string, io.Reader) iter.Seq2[T, error]) (rows []T, faults []error) {
	t.Helper()
	most := bytes.Count(content, []byte("\n")) + 1
	for row, err := range read("f.csv", bytes.NewReader(content)) {
		if err == nil {
			rows = append(rows, row)
		} else if wrong, ok := errors.AsType[*bookcsv.RowError](err); !ok || wrong.Line < 1 || wrong.Reason == "" || len(wrong.Reason) > 500 {
			t.Fatalf("%v, want a RowError with line and reason", err)
		} else {
			faults = append(faults, err)
		}
		if most--; most < -1 {
			t.Fatalf("more rows than lines: %d and %d faulty", len(rows), len(faults))
		}
	}
	return rows, faults
}
