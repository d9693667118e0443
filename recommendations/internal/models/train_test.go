package models_test

import (
	"bytes"
	"iter"
	"testing"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/models"
	"bookstall/recommendations/internal/sample"
)

// readers yields histories by reader, in another order each time.
func readers(histories map[int64][]byte) iter.Seq[domain.Reader] {
	return func(yield func(domain.Reader) bool) {
		for id, h := range histories {
			if !yield(domain.Reader{ID: id, History: h}) {
				return
			}
		}
	}
}

func train(t *testing.T, catalog domain.Catalog, histories map[int64][]byte, workers int) []byte {
	t.Helper()
	m, err := models.Train(t.Context(), models.Input{
		Catalog: catalog, Readers: readers(histories), Params: engine.DefaultParams(), Workers: workers,
	})
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := models.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func TestEqualDataMakeEqualBytes(t *testing.T) {
	lib, err := sample.Load()
	if err != nil {
		t.Fatal(err)
	}
	histories := map[int64][]byte{}
	for id, h := range lib.Histories() {
		histories[id] = h.Encode()
	}
	first := train(t, lib.Catalog, histories, 1)
	for range 3 {
		if !bytes.Equal(first, train(t, lib.Catalog, histories, 3)) {
			t.Fatal("the same data made another model")
		}
	}
	t.Logf("%d bytes for %d books", len(first), len(lib.Books))

	delete(histories, lib.Ratings[0].UserID)
	if bytes.Equal(first, train(t, lib.Catalog, histories, 1)) {
		t.Error("without a reader the model is the same")
	}
}

func TestWhatCountsAsLiked(t *testing.T) {
	catalog := domain.Catalog{Version: "v", Books: []domain.Book{{ID: 1}, {ID: 2}, {ID: 3}}}
	m, err := models.Train(t.Context(), models.Input{
		Catalog: catalog, Params: engine.DefaultParams(), Workers: 1,
		Readers: readers(map[int64][]byte{
			1: domain.History{{BookID: 1, Stars: 4}, {BookID: 2, Stars: 3}, {BookID: 9, Stars: 5}}.Encode(),
			2: domain.History{{BookID: 1, Liked: true, Own: true}, {BookID: 3, Purchased: true}}.Encode(),
			3: domain.History{{BookID: 1, Own: true}}.Encode(), // taken back
			4: domain.History{{BookID: 2, Wanted: true, Own: true}, {BookID: 3, Dismissed: true, Own: true}}.Encode(),
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []int32{2, 0, 1}
	for i, n := range m.Weights.Counts {
		if n != want[i] {
			t.Errorf("book %d: %d readers, want %d", i+1, n, want[i])
		}
	}
	if m.Metadata.Readers != 2 || m.Metadata.Positives != 3 {
		t.Errorf("metadata: %+v, want 2 readers and 3 positives", m.Metadata)
	}
}

func TestADamagedHistoryIsNamed(t *testing.T) {
	_, err := models.Train(t.Context(), models.Input{
		Params: engine.DefaultParams(), Workers: 1, Readers: readers(map[int64][]byte{7: {0x80}}),
	})
	if err == nil || err.Error() != "reader 7: history is cut short" {
		t.Errorf("got %v, want that the history of reader 7 is cut short", err)
	}
}
