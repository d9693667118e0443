package command_test

import (
	"fmt"
	"hash/fnv"
	"regexp"
	"strings"
	"testing"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/sample"
	"bookstall/recommendations/internal/store"
)

// misled returns ratings of readers who like the same odd mixtures of books, and of whom none
// is held out.
func misled(lib *domain.Library) string {
	var b strings.Builder
	b.WriteString("user_id,book_id,rating\n")
	for id, n := 1_000_000, 0; n < 1500; id++ {
		hash := fnv.New64a()
		fmt.Fprint(hash, id)
		if hash.Sum64()%5 == 0 {
			continue
		}
		n++
		for k := range 20 {
			fmt.Fprintf(&b, "%d,%d,5\n", id, lib.Books[(7*n+97*k)%len(lib.Books)].ID)
		}
	}
	return b.String()
}

// A model that recommends worse is saved and kept aside, with the reason, until somebody
// wants it all the same.
func TestAWorseModelIsKeptAside(t *testing.T) {
	lib, err := sample.Load()
	if err != nil {
		t.Fatal(err)
	}
	in := storeFlagOf(t)
	s := openStore(t, in)
	ratings := store.NewRatings()
	for _, r := range lib.Ratings {
		ratings.Add(r)
	}
	if _, err := s.Import(t.Context(), store.ImportRequest{Catalog: &lib.Catalog, Ratings: ratings}); err != nil {
		t.Fatal(err)
	}
	must(t, "train", in)
	good, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stdout, _, err := execute(t, "import", in, "--ratings", write(t, "ratings.csv", misled(lib)), "--train")
	if err == nil {
		t.Fatalf("the worse model is active: %s", stdout)
	}
	aside := regexp.MustCompile(`^model ([0-9a-f]{12}) is in the store, and was not activated: its NDCG@100 is 0\.\d{4}, and that of the active model ` +
		good.Model + ` is 0\.\d{4} on the same \d{3} readers; models activate activates it all the same$`).FindStringSubmatch(err.Error())
	if aside == nil {
		t.Fatal(err)
	}
	if got := must(t, "models", "list", in); !regexp.MustCompile(aside[1]+` .* kept aside: its NDCG@100 is`).MatchString(got) || strings.Count(got, "\n") != 3 {
		t.Error(got)
	}
	if head, err := s.Head(t.Context()); err != nil || head.Model != good.Model {
		t.Errorf("model %s is active (%v), want %s", head.Model, err, good.Model)
	}
	if got := must(t, "train", in, "--force"); !strings.Contains(got, "model "+aside[1]) || !strings.Contains(got, "is active") {
		t.Error(got)
	}
	if head, err := s.Head(t.Context()); err != nil || head.Model != aside[1] {
		t.Errorf("after --force, model %s is active (%v), want %s", head.Model, err, aside[1])
	}
	// The same data are no worse than themselves.
	if got := must(t, "train", in); !strings.Contains(got, "is active") {
		t.Error(got)
	}
}
