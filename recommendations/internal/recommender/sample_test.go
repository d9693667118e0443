package recommender

import (
	"testing"

	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/evaluate"
	"bookstall/recommendations/internal/sample"
)

// TestTheEmbeddedDataTeachTheModelTastes measures the model on held-out
// synthetic readers. Real readers are measured in package evaluate.
func TestTheEmbeddedDataTeachTheModelTastes(t *testing.T) {
	lib, err := sample.Load()
	if err != nil {
		t.Fatal(err)
	}
	var catalogue []int64
	for _, b := range lib.Books {
		catalogue = append(catalogue, b.ID)
	}
	data, err := evaluate.NewData(catalogue, func(yield func(evaluate.Rating) bool) {
		for _, r := range lib.Ratings {
			if !yield(evaluate.Rating{Reader: r.UserID, Book: r.BookID, Stars: r.Stars}) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	split := data.Split(0, nil)
	model, err := engine.Train(t.Context(), engine.Dataset{Items: split.Items, Readers: split.Train}, engine.DefaultParams(), 2)
	if err != nil {
		t.Fatal(err)
	}
	ranker, err := engine.NewRanker(engine.Config{Model: model, Prior: engine.DefaultPrior()})
	if err != nil {
		t.Fatal(err)
	}
	ours, err := evaluate.MeasureCases(split, func(dst []int32, c evaluate.Case, k int) []int32 {
		for _, s := range ranker.Rank(nil, engine.Query{History: c.FoldIn, Exclude: c.Hidden, Category: engine.AnyCategory, K: k}) {
			dst = append(dst, s.Item)
		}
		return dst
	}, 1)
	if err != nil {
		t.Fatal(err)
	}
	popularity, err := evaluate.MeasureCases(split, evaluate.Popularity(split).ForCases(), 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d readers: NDCG@100 %.4f, popularity %.4f", ours.Readers, ours.NDCG100, popularity.NDCG100)
	if ours.NDCG100 < 2*popularity.NDCG100 {
		t.Errorf("NDCG@100 %.4f is below twice popularity's %.4f", ours.NDCG100, popularity.NDCG100)
	}
}

func TestSampleReadersOfDifferentTastesGetDifferentShelves(t *testing.T) {
	lib, err := sample.Load()
	if err != nil {
		t.Fatal(err)
	}
	rec := New()
	if err := rec.Load(lib, 2); err != nil {
		t.Fatal(err)
	}
	shelves := map[string]map[int64]bool{}
	for _, s := range lib.Samples {
		shelf, err := rec.Recommend(s.ID, "", 10, Buyable)
		if err != nil || !shelf.Personal || len(shelf.Items) != 10 {
			t.Fatalf("%s: %d books, personal %v, %v", s.Label, len(shelf.Items), shelf.Personal, err)
		}
		shelves[s.Label] = map[int64]bool{}
		for _, item := range shelf.Items {
			shelves[s.Label][item.Book.ID] = true
		}
	}
	for a, one := range shelves {
		for b, other := range shelves {
			shared := 0
			for id := range one {
				if other[id] {
					shared++
				}
			}
			if a != b && shared >= 3 {
				t.Errorf("%s and %s share %d of 10 books", a, b, shared)
			}
		}
	}
}
