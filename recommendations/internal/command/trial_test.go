package command_test

import (
	"fmt"
	"hash/fnv"
	"regexp"
	"strings"
	"testing"
)

// Readers who like the books of one shelf each, and readers who like the same odd mixtures. Of
// the latter, none is held out.
const (
	shelves  = 10
	perShelf = 20
)

func sensible() string {
	return readersOf(1, 1600, func(int) bool { return true }, func(n, k int) int { return n%shelves*perShelf + (n/shelves+k*k)%perShelf })
}

func misled() string {
	known := func(id int) bool {
		hash := fnv.New64a()
		fmt.Fprint(hash, id)
		return hash.Sum64()%5 != 0
	}
	return readersOf(1_000_000, 3000, known, func(n, k int) int { return (7*n + 21*k) % (shelves * perShelf) })
}

func readersOf(first, readers int, wanted func(id int) bool, book func(n, k int) int) string {
	var b strings.Builder
	b.WriteString("user_id,book_id,rating\n")
	for id, n := first, 0; n < readers; id++ {
		if !wanted(id) {
			continue
		}
		for k := range 9 {
			fmt.Fprintf(&b, "%d,%d,5\n", id, 1+book(n, k))
		}
		n++
	}
	return b.String()
}

// A model that recommends worse is saved and kept aside, with the reason, until somebody
// wants it all the same.
func TestAWorseModelIsKeptAside(t *testing.T) {
	in := storeFlagOf(t)
	must(t, "import", in, "--books", write(t, "books.csv", catalogueOf(1, shelves*perShelf)), "--ratings", write(t, "ratings.csv", sensible()))
	s := openStore(t, in)
	must(t, "train", in)
	good, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stdout, _, err := execute(t, "import", in, "--ratings", write(t, "ratings.csv", misled()), "--train")
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
