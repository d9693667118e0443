package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/models"
	"bookstall/recommendations/internal/report"
	"bookstall/recommendations/internal/store"
)

var update = flag.Bool("update", false, "write golden files")

// now is a Thursday.
func now() time.Time { return time.Date(2026, 11, 26, 15, 4, 5, 0, time.UTC) }

// shop returns a store with six books, three readers' ratings, and what readers did on the
// days around the beginning of a week.
func shop(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open("sqlite:"+filepath.Join(t.TempDir(), "shop.db"), store.Options{Log: logr.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	catalog := domain.Catalog{}
	for i, title := range []string{"Emma", "Persuasion", "<b>Dracula</b>", "Carmilla", "Middlemarch", "Walden"} {
		catalog.Books = append(catalog.Books, domain.Book{ID: int64(i + 1), Title: title, Author: "Somebody", Categories: []string{"classics"}})
	}
	ratings := store.NewRatings()
	for _, r := range []domain.Rating{{UserID: 1, BookID: 1, Stars: 5}, {UserID: 1, BookID: 2, Stars: 4}, {UserID: 2, BookID: 1, Stars: 5}, {UserID: 3, BookID: 4, Stars: 2}} {
		ratings.Add(r)
	}
	at := func(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC) }
	deeds := []domain.Interaction{
		{UserID: 9, BookID: 1, Kind: domain.Like, At: time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)}, // before the weeks
		{UserID: 1, BookID: 3, Kind: domain.Purchase, At: at(22, 23)},                                // Sunday
		{UserID: 1, BookID: 3, Kind: domain.View, At: at(22, 23)},
		{UserID: 9, BookID: 3, Kind: domain.Like, At: at(23, 0)}, // Monday
		{UserID: 8, BookID: 3, Kind: domain.Like, At: at(24, 0)},
		{UserID: 8, BookID: 3, Kind: domain.Unlike, At: at(24, 1)},
		{UserID: 8, BookID: 4, Kind: domain.Rate, Stars: 3, At: at(24, 2)},
		{UserID: 8, BookID: 2, Kind: domain.Purchase, At: at(25, 2)},
		{UserID: 9, BookID: 2, Kind: domain.Purchase, At: at(25, 3)},
	}
	for i := range deeds {
		deeds[i].ID = fmt.Sprintf("deed-%d", i)
	}
	if _, err := s.Import(t.Context(), store.ImportRequest{Catalog: &catalog, Ratings: ratings, Interactions: deeds}); err != nil {
		t.Fatal(err)
	}
	return s
}

// addModel trains on the store and saves the model with a measured quality.
func addModel(t *testing.T, s *store.Store, quality float64) {
	t.Helper()
	catalog, err := s.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var readers []domain.Reader
	if _, err := s.Histories(t.Context(), store.Position{}, func(r domain.Reader) error {
		readers = append(readers, r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	m, err := models.Train(t.Context(), models.Input{
		Catalog: catalog, Params: engine.DefaultParams(), Workers: 1,
		Readers: func(yield func(domain.Reader) bool) {
			for _, r := range readers {
				if !yield(r) {
					return
				}
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	m.Metadata.Metrics = &models.Metrics{NDCG100: quality}
	encoded, err := models.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	meta, err := json.Marshal(m.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	stored := domain.StoredModel{Version: "model-one", CreatedAt: now().Add(-time.Hour), Metadata: meta, Artefact: encoded}
	if err := s.SaveModel(t.Context(), stored); err != nil {
		t.Fatal(err)
	}
	if err := s.Activate(t.Context(), stored.Version); err != nil {
		t.Fatal(err)
	}
}

func TestReport(t *testing.T) {
	s := shop(t)
	addModel(t, s, 0.25)
	r, err := report.Make(t.Context(), s, 2, now())
	if err != nil {
		t.Fatal(err)
	}
	monday := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)
	want := []report.Week{
		{Monday: monday, Readers: 1, New: 1, Views: 1, Purchases: 1},
		{Monday: monday.AddDate(0, 0, 7), Readers: 2, New: 1, Likes: 2, Ratings: 1, Purchases: 2}, // reader 9 was there in October
	}
	if diff := cmp.Diff(want, r.Weeks); diff != "" {
		t.Errorf("weeks (-want +got):\n%s", diff)
	}
	type counts struct{ Readers, Liked, Bought, LikedLately, BoughtLately int }
	got := map[int64]counts{}
	for _, b := range r.Books {
		got[b.ID] = counts{b.Readers, b.Liked, b.Bought, b.LikedLately, b.BoughtLately}
	}
	wantBooks := map[int64]counts{
		1: {3, 3, 0, 0, 0}, 2: {3, 3, 2, 2, 2}, 3: {2, 2, 1, 3, 1}, // 8 likes 3 no more
		4: {Readers: 2}, 5: {}, 6: {},
	}
	if diff := cmp.Diff(wantBooks, got); diff != "" {
		t.Errorf("books (-want +got):\n%s", diff)
	}
	// Readers 1, 2, 8 and 9 like a book, and every shelf has all the books that its reader has not.
	if r.Readers != 5 || r.Shown == nil || r.Shown.Readers != 4 || r.Shown.Books != 6 {
		t.Errorf("readers %d, shown %+v; want 5, and six books to four readers", r.Readers, r.Shown)
	}

	var text, page bytes.Buffer
	if err := r.WriteText(&text, 1); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteHTML(&page, 10); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.txt", text.Bytes())
	golden(t, "report.html", page.Bytes())
	if bytes.Contains(page.Bytes(), []byte("<b>")) {
		t.Error("a title is not escaped")
	}

	dir := filepath.Join(t.TempDir(), "new", "folder")
	for range 2 { // the second time it replaces the first
		if err := r.WriteCSV(dir); err != nil {
			t.Fatal(err)
		}
	}
	for name, rows := range map[string]int{"weeks.csv": 3, "books.csv": 7, "shown.csv": 2, "models.csv": 2} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if all, err := csv.NewReader(f).ReadAll(); err != nil || len(all) != rows { // csv refuses rows of other lengths
			t.Errorf("%s: %d rows, %v; want %d", name, len(all), err, rows)
		}
	}
}

// TestReportOfAnEmptyStore also has no model.
func TestReportOfAnEmptyStore(t *testing.T) {
	s, err := store.Open("sqlite:"+filepath.Join(t.TempDir(), "empty.db"), store.Options{Log: logr.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, err := report.Make(t.Context(), s, 3, now())
	if err != nil {
		t.Fatal(err)
	}
	var text, page bytes.Buffer
	if err := r.WriteText(&text, 5); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteHTML(&page, 5); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"0 books, 0 readers", "2026-11-09 ", "2026-11-23 ", "not known"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the report of an empty store lacks %q:\n%s", want, text.String())
		}
	}
	if err := r.WriteCSV(t.TempDir()); err != nil {
		t.Error(err)
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got); run with -update if this is intended:\n%s", file, diff)
	}
}
