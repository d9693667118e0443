package engine_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bookstall/recommendations/internal/engine"
)

var update = flag.Bool("update", false, "write the golden files")

// smallShop is a shop small enough to judge its shelves by eye: four kinds of
// books, one book that readers of all kinds like, and one without readers.
type smallShop struct {
	titles     []string
	categories [][]int
	readers    [][]int32
}

const (
	fantasy = iota
	crime
	romance
	sf
)

func newSmallShop(tb testing.TB) smallShop {
	tb.Helper()
	t := smallShop{
		titles: []string{
			"The Hobbit", "The Fellowship of the Ring", "A Wizard of Earthsea", "The Last Unicorn",
			"The Big Sleep", "The Maltese Falcon", "Gaudy Night", "The Nine Tailors",
			"Pride and Prejudice", "Emma", "Jane Eyre", "Persuasion",
			"Dune", "Solaris", "Ubik", "Roadside Picnic",
			"Don Quixote", "The Unread",
		},
		categories: [][]int{
			{fantasy}, {fantasy}, {fantasy}, {fantasy, romance},
			{crime}, {crime}, {crime, romance}, {crime},
			{romance}, {romance}, {romance}, {romance},
			{sf}, {sf}, {sf}, {sf},
			{}, {sf},
		},
	}
	// One line per reader, one column per book, in the order of titles.
	const liked = `
		xxx. .... .... .... x.
		xxxx .... .... .... ..
		xx.x .... .... .... x.
		xxx. .... .... x... ..
		.xxx .... .... .... ..
		xx.. .... .... xx.. x.
		xxx. .... .... .... ..
		.... xx.. .... .... x.
		.... xxx. .... .... ..
		.... xx.x .... .... ..
		.... ..xx .... .... x.
		.... .xxx x... .... ..
		.... xx.. .... .... x.
		.... .... xxx. .... ..
		.... .... xx.x .... x.
		.... .... xxxx .... ..
		.... ..x. x.x. .... ..
		.... .... .xxx .... ..
		...x .... xx.. .... x.
		.... .... xx.. .... ..
		.... .... .... xxx. ..
		.... .... .... xx.x x.
		x... .... .... xxx. ..
		.... .... .... .xxx ..
		.... .... .... x.xx x.
		xx.. .... .... x... ..`
	for line := range strings.Lines(liked) {
		line = strings.ReplaceAll(strings.TrimSpace(line), " ", "")
		if line == "" {
			continue
		}
		if len(line) != len(t.titles) {
			tb.Fatalf("line %q has %d columns, want %d", line, len(line), len(t.titles))
		}
		var items []int32
		for i, c := range line {
			if c == 'x' {
				items = append(items, int32(i))
			}
		}
		t.readers = append(t.readers, items)
	}
	return t
}

func (t smallShop) ranker(tb testing.TB) *engine.Ranker {
	tb.Helper()
	// With few readers, a smaller ridge is better.
	params := engine.Params{Neighbours: 6, Alpha: 0.5, Lambda: 1}
	model, err := engine.Train(tb.Context(), engine.Dataset{Items: len(t.titles), Readers: t.readers}, params, 2)
	if err != nil {
		tb.Fatal(err)
	}
	r, err := engine.NewRanker(engine.Config{Model: model, Categories: t.categories, Prior: engine.DefaultPrior()})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func (t smallShop) names(items []int32) string {
	var names []string
	for _, i := range items {
		names = append(names, t.titles[i])
	}
	return strings.Join(names, ", ")
}

// print writes one answer. Scores have four decimals, which are the same on every
// processor.
func (t smallShop) print(b *strings.Builder, heading string, answer []engine.Scored) {
	fmt.Fprintf(b, "%s\n", heading)
	for place, s := range answer {
		reason := "popular"
		if s.Because != engine.NoReason {
			reason = "because of " + t.titles[s.Because]
		}
		fmt.Fprintf(b, "%3d  %7.4f  %-28s %s\n", place+1, s.Score, t.titles[s.Item], reason)
	}
	b.WriteByte('\n')
}

func TestGoldenRank(t *testing.T) {
	shop := newSmallShop(t)
	r := shop.ranker(t)
	queries := []struct {
		name string
		q    engine.Query
	}{
		{"a new reader", engine.Query{Category: engine.AnyCategory, K: 8}},
		{"a new reader in crime", engine.Query{Category: crime, K: 8}},
		{"one fantasy", engine.Query{History: []int32{0}, Category: engine.AnyCategory, K: 8}},
		{"two crime", engine.Query{History: []int32{4, 5}, Category: engine.AnyCategory, K: 8}},
		{"two crime, dislikes one more", engine.Query{History: []int32{4, 5}, Exclude: []int32{6}, Category: engine.AnyCategory, K: 8}},
		{"fantasy and science fiction", engine.Query{History: []int32{0, 1, 12}, Category: engine.AnyCategory, K: 8}},
		{"fantasy, asks for science fiction", engine.Query{History: []int32{0, 1}, Category: sf, K: 8}},
		{"romance, asks for all there is", engine.Query{History: []int32{8, 9}, Category: engine.AnyCategory, K: 100}},
	}
	var b strings.Builder
	for _, q := range queries {
		heading := fmt.Sprintf("%s (likes: %s)", q.name, shop.names(q.q.History))
		shop.print(&b, heading, r.Rank(nil, q.q))
	}
	golden(t, "recommend.golden", b.String())
}

func TestGoldenSimilar(t *testing.T) {
	shop := newSmallShop(t)
	r := shop.ranker(t)
	var b strings.Builder
	for i, title := range shop.titles {
		shop.print(&b, "readers of "+title+" also liked", r.Similar(nil, int32(i), 5))
	}
	golden(t, "similar.golden", b.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got); run with -update if this is intended:\n%s", path, diff)
	}
}
