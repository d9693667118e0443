package store_test

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/store"
)

func externalIDs(t *testing.T, s *store.Store) []domain.ExternalID {
	t.Helper()
	list, _, err := s.ExternalIDs(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func reader(id int64, text string) domain.ExternalID {
	return domain.ExternalID{Kind: domain.ReaderID, ID: id, Text: text}
}

func testIDsThatAreTexts(db database) {
	t := db.t
	s := open(t, db.newURL())
	ann, sku := domain.FirstChoice(domain.ReaderID, "ann@example.org"), domain.FirstChoice(domain.BookID, "SKU-2")
	c := catalog(1, sku)
	for i := range c.Books {
		if c.Books[i].ID == sku {
			c.Books[i].ExternalID = "SKU-2"
		}
	}
	req := store.ImportRequest{
		Catalog: c, Ratings: ratings(domain.Rating{UserID: ann, BookID: sku, Stars: 5}), IDs: []domain.ExternalID{reader(ann, "ann@example.org"), reader(7, "seven")},
	}
	if result := mustImport(t, s, req); result.IDs != 3 {
		t.Errorf("result: %+v, want 3 ids", result)
	}
	if again := mustImport(t, s, req); again != (store.ImportResult{}) {
		t.Errorf("again: %+v", again)
	}
	read, err := s.Catalog(within(t))
	if err != nil || cmp.Diff(c.Books, read.Books) != "" {
		t.Errorf("books: %v\n%s", err, cmp.Diff(c.Books, read.Books))
	}
	book := domain.ExternalID{Kind: domain.BookID, ID: sku, Text: "SKU-2"}
	if diff := cmp.Diff([]domain.ExternalID{book, reader(7, "seven"), reader(ann, "ann@example.org")}, externalIDs(t, s)); diff != "" {
		t.Error(diff)
	}

	// A number may get another text; a text has one number, and a number of texts one text.
	mustImport(t, s, store.ImportRequest{IDs: []domain.ExternalID{reader(7, "VII")}})
	for _, one := range []domain.ExternalID{reader(8, "VII"), reader(ann, "another"), reader(9, "ann@example.org")} {
		if _, err := s.Import(within(t), store.ImportRequest{IDs: []domain.ExternalID{one}}); !errors.Is(err, store.ErrIDTaken) {
			t.Errorf("%+v: %v, want ErrIDTaken", one, err)
		}
	}
	// The book is gone, and its id is not: histories have it.
	mustImport(t, s, store.ImportRequest{Catalog: catalog(1)})
	if diff := cmp.Diff([]domain.ExternalID{book, reader(7, "VII"), reader(ann, "ann@example.org")}, externalIDs(t, s)); diff != "" {
		t.Error(diff)
	}

	// Who is forgotten has no name or address in the store any more, nor after the next import.
	if _, err := s.Forget(within(t), ann, 0); err != nil {
		t.Fatal(err)
	}
	if result := mustImport(t, s, req); result.Forgotten != 1 {
		t.Errorf("the import after Forget: %+v", result)
	}
	if diff := cmp.Diff([]domain.ExternalID{book, reader(7, "seven")}, externalIDs(t, s)); diff != "" {
		t.Error(diff)
	}
}

// Processes that add readers at the same time agree, and so does an import.
func testReadersAreNumberedOnce(db database) {
	t := db.t
	url := db.newURL()
	const processes, readers = 3, 20
	text := func(i int) string { return fmt.Sprintf("reader-%d@example.org", i) }
	var list []domain.ExternalID
	for i := range readers {
		list = append(list, reader(domain.FirstChoice(domain.ReaderID, text(i)), text(i)))
	}
	first := open(t, url)
	for range 2 {
		if id, err := first.ReaderID(within(t), text(0), false); id != 0 || err != nil {
			t.Errorf("a reader that was not added is %d (%v)", id, err)
		}
	}
	var wg sync.WaitGroup
	for range processes {
		s := open(t, url)
		wg.Go(func() {
			for i := range readers {
				if id, err := s.ReaderID(within(t), text(i), true); err != nil || id != list[i].ID {
					t.Errorf("%s is %d (%v), want %d", text(i), id, err, list[i].ID)
				}
			}
		})
	}
	wg.Go(func() { mustImport(t, first, store.ImportRequest{IDs: list}) })
	wg.Wait()
	if got := externalIDs(t, first); len(got) != readers {
		t.Errorf("%d readers, want %d", len(got), readers)
	}
	// The second of two texts that would have the same number gets the next one.
	late := domain.FirstChoice(domain.ReaderID, "late")
	mustImport(t, first, store.ImportRequest{IDs: []domain.ExternalID{reader(late, "early")}})
	for range 2 {
		if id, err := first.ReaderID(within(t), "late", true); err != nil || id != domain.NextChoice(late) {
			t.Errorf("late is %d (%v), want %d", id, err, domain.NextChoice(late))
		}
	}
}

// The last migration can be undone, and done again.
func testTheLastMigrationGoesBack(db database) {
	t := db.t
	url := db.newURL()
	s := open(t, url)
	mustImport(t, s, store.ImportRequest{Catalog: catalog(1), IDs: []domain.ExternalID{reader(7, "seven")}})
	dialect, folder := goose.DialectPostgres, "postgres"
	if db.name == "sqlite" {
		dialect, folder = goose.DialectSQLite3, "sqlite"
	}
	provider, err := goose.NewProvider(dialect, db.raw(url), os.DirFS("migrations/"+folder))
	if err != nil {
		t.Fatal(err)
	}
	const before = 3
	if _, err := provider.DownTo(within(t), before); err != nil {
		t.Fatal(err)
	}
	if _, err := db.raw(url).Exec("SELECT 1 FROM external_ids"); err == nil {
		t.Error("the table is still there")
	}
	if got := externalIDs(t, open(t, url)); len(got) != 0 {
		t.Errorf("ids %v after going back", got)
	}
}
