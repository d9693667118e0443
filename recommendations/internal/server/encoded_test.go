package server

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/recommender"
)

// catalogOf returns a catalogue and a function that makes a shelf of it.
func catalogOf(version string, books ...domain.Book) (domain.Catalog, func(score float64, book, because int32) recommender.Shelf) {
	catalog := domain.Catalog{Version: version, Books: books}
	return catalog, func(score float64, book, because int32) recommender.Shelf {
		item := recommender.Item{Book: &catalog.Books[book], Score: score, Index: book}
		if because >= 0 {
			item.Because, item.BecauseIndex = &catalog.Books[because], because
		}
		return recommender.Shelf{CatalogVersion: version, Items: []recommender.Item{item, item}}
	}
}

// What is encoded before says the same as a message of its own.
func TestEncodedShelf(t *testing.T) {
	books := []domain.Book{
		{ID: 1, Title: "A", Author: "B", Categories: []string{"fantasy", "sf"}},
		{ID: 1 << 40, Title: "Ελληνικά", Categories: []string{"fantasy"}},
		{ID: 3},
	}
	catalog, shelf := catalogOf("v1", books...)
	var e encodings
	check := func(shelf recommender.Shelf, catalog domain.Catalog) {
		t.Helper()
		want := &recommendationsv1.RecommendResponse{Recommendations: recommendations(shelf), ServedBy: "replica-1", ReaderVersion: 7}
		answer := &recommendationsv1.RecommendResponse{ServedBy: "replica-1", ReaderVersion: 7}
		if !e.put(answer, shelf, catalog) {
			t.Fatal("not encoded")
		}
		sent, err := proto.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		got := new(recommendationsv1.RecommendResponse)
		if err := proto.Unmarshal(sent, got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if plain, err := proto.Marshal(want); err != nil || len(plain) != len(sent) {
			t.Errorf("%d bytes, want %d; %v", len(sent), len(plain), err)
		}
	}
	for range 2 { // the second time they are encoded
		for book := range int32(len(books)) {
			for because := int32(-1); because < int32(len(books)); because++ {
				for _, score := range []float64{0, math.Copysign(0, -1), 0.25, -1e-300, math.Inf(1)} {
					check(shelf(score, book, because), catalog)
				}
			}
		}
	}
	check(recommender.Shelf{CatalogVersion: "v1"}, catalog)

	next, shelfOfNext := catalogOf("v2", domain.Book{ID: 1, Title: "Another title"})
	check(shelfOfNext(1, 0, 0), next)
	if e.put(&recommendationsv1.RecommendResponse{}, shelf(1, 2, 0), next) {
		t.Error("a shelf of the earlier catalogue was encoded with the next one")
	}
}

// A text that cannot be sent is the error of the answer, as it is without encodings.
func TestEncodedShelfNotUTF8(t *testing.T) {
	catalog, shelf := catalogOf("v1", domain.Book{ID: 1, Title: "A"}, domain.Book{ID: 2, Title: "\xff"})
	var e encodings
	for _, s := range []recommender.Shelf{shelf(1, 1, 0), shelf(1, 0, 1)} {
		if e.put(&recommendationsv1.RecommendResponse{}, s, catalog) {
			t.Error("encoded")
		}
	}
}

func TestBookFieldsOfAnswers(t *testing.T) {
	for _, m := range []proto.Message{&recommendationsv1.RecommendResponse{}, &recommendationsv1.SimilarBooksResponse{}} {
		if f := m.ProtoReflect().Descriptor().Fields().ByName("recommendations"); f == nil || f.Number() != recommendationsField {
			t.Errorf("%v", f)
		}
	}
	fields := (&recommendationsv1.Recommendation{}).ProtoReflect().Descriptor().Fields()
	if fields.ByName("score").Number() != scoreField || fields.ByName("because").Number() != becauseField {
		t.Error("the numbers of score and because differ")
	}
}
