package sample

import (
	"testing"

	"bookstall/recommendations/internal/domain"
)

func TestReferences(t *testing.T) {
	lib := domain.Library{
		Catalog: domain.Catalog{Books: []domain.Book{{ID: 1}}, Samples: []domain.SampleReader{{ID: 5}}},
		Ratings: []domain.Rating{{UserID: 5, BookID: 1, Stars: 4}},
	}
	if err := checkReferences(&lib); err != nil {
		t.Error(err)
	}
	lib.Samples[0].ID = 6
	if err := checkReferences(&lib); err == nil || err.Error() != "samples.csv: reader 6 has no ratings" {
		t.Errorf("got %v, want that reader 6 has no ratings", err)
	}
	lib.Ratings[0].BookID = 2
	if err := checkReferences(&lib); err == nil || err.Error() != "ratings.csv: reader 5 rated book 2, which is not in books.csv" {
		t.Errorf("got %v, want that book 2 is missing", err)
	}
}

func TestVersionDependsOnTheBooks(t *testing.T) {
	if version("a") == version("b") {
		t.Error("different books have the same version")
	}
}
