package recommender

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/engine"
)

// small is a library of two tastes, three books each, and a book without ratings.
func small() *domain.Library {
	lib := &domain.Library{Catalog: domain.Catalog{Version: "v1"}}
	for i, category := range []string{"fantasy", "fantasy", "fantasy", "romance", "romance", "romance", "poetry"} {
		id := int64(10 * (i + 1)) // ids are not indexes
		lib.Books = append(lib.Books, domain.Book{
			ID: id, Title: "Book " + string(rune('A'+i)), Author: "Author", Categories: []string{category}, Popularity: 100 - id,
		})
	}
	rate := func(user int64, stars int, books ...int64) {
		for _, b := range books {
			lib.Ratings = append(lib.Ratings, domain.Rating{UserID: user, BookID: b, Stars: stars})
		}
	}
	for user := int64(1); user <= 20; user++ {
		if user%2 == 0 {
			rate(user, 5, 10, 20, 30)
		} else {
			rate(user, 4, 40, 50, 60)
		}
	}
	rate(100, 5, 10, 20) // likes fantasy
	rate(100, 2, 40)     // has this, does not like it
	rate(101, 1, 70)     // likes nothing
	rate(102, 5, 10)
	rate(102, 1, 10) // changed her mind
	return lib
}

func load(t *testing.T) *Recommender {
	t.Helper()
	r := New()
	if err := r.Load(small(), 2); err != nil {
		t.Fatal(err)
	}
	return r
}

func ids(s Shelf) (list []int64) {
	for _, item := range s.Items {
		list = append(list, item.Book.ID)
	}
	return list
}

func TestAShelfIsPersonalAndSaysWhy(t *testing.T) {
	shelf, err := load(t).Recommend(100, "", 10, Buyable)
	if err != nil {
		t.Fatal(err)
	}
	got := ids(shelf)
	if !shelf.Personal || got[0] != 30 {
		t.Errorf("personal %v, books %v; want the third fantasy first", shelf.Personal, got)
	}
	if because := shelf.Items[0].Because; because == nil || (because.ID != 10 && because.ID != 20) {
		t.Errorf("because %+v, want a book of the history", because)
	}
	for _, has := range []int64{10, 20, 40} {
		if slices.Contains(got, has) {
			t.Errorf("book %d is on the shelf, the reader has it", has)
		}
	}
	if len(got) != 4 || shelf.CatalogVersion != "v1" {
		t.Errorf("%d books of version %s, want the 4 the reader does not have of v1", len(got), shelf.CatalogVersion)
	}
}

// What cannot be bought leaves shelves, and books that are hidden or gone do for any caller. All stay in
// histories, and have similar books.
func TestUnavailableAndHiddenBooks(t *testing.T) {
	lib := small()
	lib.Books[1].Stock = new(int64(0))                                              // 20
	lib.Books[2].Availability = domain.Unavailable                                  // 30
	lib.Books[4].Hidden = true                                                      // 50
	lib.Books[5].Stock, lib.Books[5].Availability = new(int64(0)), domain.Available // 60: printed when ordered
	r := New()
	if err := r.Load(lib, 2); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		what string
		of   Selection
		want []int64 // ascending
		get  func(Selection) (Shelf, error)
	}{
		{"bestsellers", Buyable, []int64{10, 40, 60, 70}, func(of Selection) (Shelf, error) { return r.Recommend(7000, "", 10, of) }},
		{"bestsellers", WithUnavailable, []int64{10, 20, 30, 40, 60, 70}, func(of Selection) (Shelf, error) { return r.Recommend(7000, "", 10, of) }},
		{"a category", Buyable, []int64{10}, func(of Selection) (Shelf, error) { return r.Recommend(7000, "fantasy", 10, of) }},
		{"a reader's shelf", Buyable, []int64{60, 70}, func(of Selection) (Shelf, error) { return r.Recommend(100, "", 10, of) }},
		{"a reader's shelf", WithUnavailable, []int64{30, 60, 70}, func(of Selection) (Shelf, error) { return r.Recommend(100, "", 10, of) }},
		{"similar to one that is away", Buyable, []int64{10, 40, 60, 70}, func(of Selection) (Shelf, error) { return r.Similar(30, 0, 10, of) }},
		{"similar to a hidden one", WithUnavailable, []int64{10, 20, 30, 40, 60, 70}, func(of Selection) (Shelf, error) { return r.Similar(50, 0, 10, of) }},
	} {
		shelf, err := test.get(test.of)
		got := ids(shelf)
		if slices.Sort(got); err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s, selection %d: %v, %v, want %v", test.what, test.of, got, err, test.want)
		}
	}
	if h, _, err := r.History(1); err != nil || len(h) != 3 {
		t.Errorf("the history of one who likes a hidden book: %v, %v", h, err)
	}
}

func TestWithoutLikesTheShelfIsBestsellers(t *testing.T) {
	r := load(t)
	for user, want := range map[int64][]int64{
		999: {10, 20, 30}, // unknown
		101: {10, 20, 30}, // likes nothing
		102: {20, 30, 40}, // has 10, and the last rating counts
	} {
		shelf, err := r.Recommend(user, "", 3, Buyable)
		if err != nil || shelf.Personal || !slices.Equal(ids(shelf), want) {
			t.Errorf("reader %d: %v, personal %v, %v; want %v", user, ids(shelf), shelf.Personal, err, want)
		}
	}
}

func TestCategories(t *testing.T) {
	r := load(t)
	shelf, err := r.Recommend(100, "romance", 10, Buyable)
	if err != nil || !slices.Equal(ids(shelf), []int64{50, 60}) {
		t.Errorf("romance: %v, %v", ids(shelf), err)
	}
	if _, err := r.Recommend(100, "cooking", 10, Buyable); !errors.Is(err, domain.ErrCategoryNotFound) {
		t.Errorf("unknown category: %v, want domain.ErrCategoryNotFound", err)
	}
	if got, _ := r.Categories(); !slices.Equal(got, []string{"fantasy", "poetry", "romance"}) {
		t.Errorf("categories %v", got)
	}
}

func TestSimilar(t *testing.T) {
	r := load(t)
	shelf, err := r.Similar(50, 0, 2, Buyable)
	if err != nil || !slices.Equal(ids(shelf), []int64{40, 60}) {
		t.Errorf("similar to 50: %v, %v", ids(shelf), err)
	}
	if _, err := r.Similar(51, 0, 2, Buyable); !errors.Is(err, domain.ErrBookNotFound) {
		t.Errorf("unknown book: %v, want domain.ErrBookNotFound", err)
	}
}

// What a reader wants or has dismissed leaves the shelf, which fills anew, and is no reason for
// another book. What is dismissed leaves the books similar to one, too, for this reader alone.
func TestWantedAndDismissedBooks(t *testing.T) {
	r := load(t)
	whole := domain.History{{BookID: 10, Stars: 5}}
	for seq, test := range []struct {
		entry    domain.Entry
		kept     bool // on the shelf
		similar  bool // among the similar books
		personal bool
	}{
		{domain.Entry{BookID: 30, Own: true}, true, true, true},
		{domain.Entry{BookID: 30, Wanted: true, Own: true}, false, true, true},
		{domain.Entry{BookID: 30, Dismissed: true, Own: true}, false, false, true},
		{domain.Entry{BookID: 30, Own: true}, true, true, true},
		{domain.Entry{BookID: 10, Wanted: true, Own: true}, false, true, false},
		{domain.Entry{BookID: 10, Dismissed: true, Own: true}, false, false, false},
	} {
		h := append(slices.Clone(whole), test.entry)
		if test.entry.BookID == 10 {
			h = domain.History{test.entry}
		}
		r.Put([]domain.Reader{{ID: 100, Seq: int64(seq + 2), History: h.Encode()}})
		shelf, err := r.Recommend(100, "", 3, Buyable)
		if err != nil || shelf.Personal != test.personal || slices.Contains(ids(shelf), test.entry.BookID) != test.kept || len(shelf.Items) != 3 {
			t.Errorf("%+v: books %v, personal %v, %v", test.entry, ids(shelf), shelf.Personal, err)
		}
		for _, item := range shelf.Items {
			if item.Because != nil && item.Because.ID == test.entry.BookID {
				t.Errorf("%+v is the reason for book %d", test.entry, item.Book.ID)
			}
		}
		similar, err := r.Similar(20, 100, 3, Buyable)
		if err != nil || slices.Contains(ids(similar), test.entry.BookID) != test.similar || len(similar.Items) != 3 {
			t.Errorf("%+v: similar books %v, %v", test.entry, ids(similar), err)
		}
		if others, err := r.Similar(20, 1, 3, Buyable); err != nil || !slices.Contains(ids(others), test.entry.BookID) {
			t.Errorf("%+v: similar books for another reader %v, %v", test.entry, ids(others), err)
		}
	}
	every := domain.History{}
	for id := int64(10); id <= 70; id += 10 {
		every = append(every, domain.Entry{BookID: id, Dismissed: true, Own: true})
	}
	r.Put([]domain.Reader{{ID: 100, Seq: 99, History: every.Encode()}})
	if similar, err := r.Similar(20, 100, 3, Buyable); err != nil || len(similar.Items) != 0 {
		t.Errorf("after all were dismissed: %v, %v", ids(similar), err)
	}
}

func TestNotReadyBeforeLoad(t *testing.T) {
	r := New()
	_, recommend := r.Recommend(1, "", 1, Buyable)
	_, similar := r.Similar(1, 0, 1, Buyable)
	_, lib := r.Catalog()
	_, categories := r.Categories()
	for _, err := range []error{recommend, similar, lib, categories} {
		if !errors.Is(err, domain.ErrNotReady) {
			t.Errorf("got %v, want domain.ErrNotReady", err)
		}
	}
}

func TestAModelOfOtherBooksChangesNothing(t *testing.T) {
	r := load(t)
	bad := small().Catalog
	bad.Version = "v2"
	bad.Books = bad.Books[:3]
	if err := r.Serve(bad, engine.Model{RowStart: []int32{0, 0}, Counts: []int32{0}}); err == nil {
		t.Error("a model of one book was taken for three")
	}
	if c, err := r.Catalog(); err != nil || c.Version != "v1" {
		t.Errorf("serves %v, %v", c.Version, err)
	}
}

func TestLoadUnderQuestions(t *testing.T) {
	r := load(t)
	var wg sync.WaitGroup
	quit := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-quit:
					return
				default:
				}
				if shelf, err := r.Recommend(100, "", 3, Buyable); err != nil || len(shelf.Items) != 3 {
					t.Errorf("shelf: %v, %v; want 3 books", ids(shelf), err)
					return
				}
			}
		})
	}
	for range 20 {
		if err := r.Load(small(), 2); err != nil {
			t.Error(err)
		}
	}
	close(quit)
	wg.Wait()
}

func TestHugeNumbersOfResultsAreFine(t *testing.T) {
	shelf, err := load(t).Recommend(999, "", 1<<31-1, Buyable)
	if err != nil || len(shelf.Items) != 7 {
		t.Errorf("%d books, %v", len(shelf.Items), err)
	}
}

// The books behind one of a shelf, and the shelf without one of them, which stays in the
// history as it is.
func TestWhyAndWithoutAReason(t *testing.T) {
	r := load(t)
	why := func() (list []int64) {
		_, reasons, err := r.Why(30, 100, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range reasons {
			list = append(list, b.ID)
		}
		slices.Sort(list)
		return list
	}
	if got := why(); !slices.Equal(got, []int64{10, 20}) {
		t.Errorf("book 30 is there because of %v, want 10 and 20", got)
	}
	h, err := domain.DecodeHistory(r.Reader(100).History)
	if err != nil {
		t.Fatal(err)
	}
	h.Apply(domain.Interaction{BookID: 20, Kind: domain.Purchase})
	h.Apply(domain.Interaction{BookID: 20, Kind: domain.Dismiss})
	r.Put([]domain.Reader{{ID: 100, Seq: 2, History: h.Encode()}})
	if got := why(); !slices.Equal(got, []int64{10}) {
		t.Errorf("without 20, book 30 is there because of %v, want 10", got)
	}
	if got, _, _ := r.History(100); got[0] != (domain.Entry{BookID: 20, Stars: 5, Purchased: true, Dismissed: true, Own: true}) {
		t.Errorf("the book that is not used: %+v", got[0])
	}
	shelf, err := r.Recommend(100, "", 10, Buyable)
	if err != nil || slices.Contains(ids(shelf), 20) {
		t.Errorf("the shelf has the book that is not used: %v, %v", ids(shelf), err)
	}
	if _, _, err := r.Why(999, 100, 3); !errors.Is(err, domain.ErrBookNotFound) {
		t.Errorf("%v, want %v", err, domain.ErrBookNotFound)
	}
}
