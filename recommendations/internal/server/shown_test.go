package server

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/internal/lifecycle"
	"bookstall/recommendations/internal/recommender"
)

func TestWhatShelvesShow(t *testing.T) {
	rec, registry, lib := recommender.New(), prometheus.NewRegistry(), testLibrary()
	if err := rec.Load(lib, 1); err != nil {
		t.Fatal(err)
	}
	api := listen(t, New(Config{Recommender: rec, Name: "replica-1", FollowAge: time.Minute, Readiness: lifecycle.NewReadiness(), Registry: registry}))
	shelf := func(maxResults int32, category string) {
		t.Helper()
		if _, err := api.Recommend(within(t), &recommendationsv1.RecommendRequest{UserId: 999, MaxResults: maxResults, Category: category}); err != nil {
			t.Fatal(err)
		}
	}
	compare := func(coverage, best, others string) {
		t.Helper()
		want := `# HELP recommendations_shown_books_total Books on shelves, by whether they are bestsellers: the 100 most liked, or the tenth of the catalogue that is most liked if that is fewer.
# TYPE recommendations_shown_books_total counter
recommendations_shown_books_total{bestseller="false"} ` + others + `
recommendations_shown_books_total{bestseller="true"} ` + best + `
# HELP recommendations_shown_coverage_ratio Share of the catalogue's books that this replica has put on a shelf since it has this catalogue.
# TYPE recommendations_shown_coverage_ratio gauge
recommendations_shown_coverage_ratio ` + coverage + "\n"
		if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "recommendations_shown_books_total", "recommendations_shown_coverage_ratio"); err != nil {
			t.Error(err)
		}
	}
	compare("0", "0", "0")
	// Somebody new gets the most liked books; of 450, 45 are bestsellers.
	shelf(90, "")
	compare("0.2", "45", "45")
	shelf(90, "") // the same again
	compare("0.2", "90", "90")

	lib.Version = "v2"
	lib.Books = lib.Books[:90]
	if err := rec.Load(lib, 1); err != nil {
		t.Fatal(err)
	}
	shelf(45, "") // of 90, 9 are bestsellers
	compare("0.5", "99", "126")
}
