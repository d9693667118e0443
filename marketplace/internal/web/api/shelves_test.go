package api

import (
	"math"
	"testing"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/web/shelf"
)

// Scores that JSON has no number for are sent as 0.
func TestShelfScores(t *testing.T) {
	answer := recommend.Shelf{Items: []recommend.Item{{Score: math.NaN()}, {Score: math.Inf(-1)}, {Score: 1.5}}}
	got := (&API{cfg: Config{Catalog: catalog.New()}}).newShelf(answer, shelf.Reason)
	for i, want := range []float64{0, 0, 1.5} {
		if got.Recommendations[i].Score != want || got.Recommendations[i].Categories == nil {
			t.Errorf("item %d: %+v, want score %v and a list of categories", i, got.Recommendations[i], want)
		}
	}
}
