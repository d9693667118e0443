package evaluate_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/evaluate"
	"bookstall/recommendations/internal/recommender"
)

// measure fails the test on an invalid ranking, and logs the figures, so that -v
// prints them.
func measure(t *testing.T, name string, s evaluate.Split, r evaluate.CaseRanker) evaluate.Result {
	t.Helper()
	got, err := evaluate.MeasureCases(s, r, 1)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	t.Logf("%-26s Recall@20 %.4f  Recall@50 %.4f  NDCG@100 %.4f ± %.4f  coverage@20 %.4f",
		name, got.Recall20, got.Recall50, got.NDCG100, got.NDCG100Error, got.Coverage20)
	return got
}

// TestFiguresOfTheProtocol checks the numbers that show whether data are read and divided as in
// other implementations of the protocol.
func TestFiguresOfTheProtocol(t *testing.T) {
	t.Parallel()
	g := openGoodbooks(t)
	tests := []struct {
		name                    string
		data                    evaluate.Data
		mayTest                 func(int64) bool
		train, positives, cases int
		foldIn, targets         int
	}{
		{"union", g.union, g.isWhole, 29_671, 730_606, 533, 33_114, 8_168},
		{"whole histories", newData(t, slices.Values(g.full)), nil, 2_136, 162_413, 533, 33_114, 8_168},
		{"capped histories", newData(t, slices.Values(g.capped)), nil, 23_117, 476_018, 5_236, 0, 0},
	}
	for _, tt := range tests {
		s := tt.data.Split(0, tt.mayTest)
		positives, foldIn, targets := 0, 0, 0
		for _, items := range s.Train {
			positives += len(items)
		}
		for _, c := range s.Cases {
			foldIn += len(c.FoldIn)
			targets += len(c.Targets)
		}
		if len(s.Train) != tt.train || positives != tt.positives || len(s.Cases) != tt.cases {
			t.Errorf("%s: %d readers with %d positives for training, %d held out; want %d, %d, %d",
				tt.name, len(s.Train), positives, len(s.Cases), tt.train, tt.positives, tt.cases)
		}
		if tt.foldIn > 0 && (foldIn != tt.foldIn || targets != tt.targets) {
			t.Errorf("%s: %d fold-in and %d targets, want %d and %d", tt.name, foldIn, targets, tt.foldIn, tt.targets)
		}
	}

	data := tests[0].data
	positives := 0
	for _, r := range data.Readers {
		positives += len(r.Items)
	}
	if len(data.Readers) != 30_204 || positives != 771_888 {
		t.Errorf("union: %d readers with %d positives, want 30204 with 771888", len(data.Readers), positives)
	}
	sizes := make([]int, evaluate.Folds)
	for fold := range sizes {
		sizes[fold] = len(data.Split(fold, g.isWhole).Cases)
	}
	if diff := cmp.Diff([]int{533, 506, 539, 501, 589}, sizes); diff != "" {
		t.Errorf("readers held out by fold (-want +got):\n%s", diff)
	}
	if rest := data.Without(0, g.isWhole); len(rest.Readers) != 29_671 {
		t.Errorf("%d readers without fold 0, want 29671", len(rest.Readers))
	}
	cases := data.Split(0, g.isWhole).Cases
	var ids []int64
	for _, c := range cases[:5] {
		ids = append(ids, c.Reader)
	}
	if diff := cmp.Diff([]int64{183, 346, 388, 549, 632}, ids); diff != "" {
		t.Errorf("first readers of fold 0 (-want +got):\n%s", diff)
	}
	var targets []int64
	for _, i := range cases[0].Targets {
		targets = append(targets, data.Books[i])
	}
	want := []int64{1, 113, 162, 208, 249, 344, 872, 1256, 1281, 1644, 2367, 2818, 5274, 6895, 7401, 8153, 8409}
	if diff := cmp.Diff(want, targets); diff != "" {
		t.Errorf("targets of reader 183 (-want +got):\n%s", diff)
	}
	if n := len(cases[0].FoldIn) + len(targets); n != 69 {
		t.Errorf("reader 183 has %d positives, want 69", n)
	}
}

// TestFiguresOfTheEngine checks that the ranker, configured as in the service, reaches the
// figures that docs/recommender.md promises.
func TestFiguresOfTheEngine(t *testing.T) {
	t.Parallel()
	g := openGoodbooks(t)
	s := g.split()
	ranker := ranking(trainedRanker(t))
	got := measure(t, "engine", s, ranker)
	popular := measure(t, "popularity", s, evaluate.Popularity(s).ForCases())
	const draws = 20 // a single one differs by a sixth
	random, err := evaluate.MeasureCases(s, evaluate.Random(s, 0).ForCases(), draws)
	if err != nil {
		t.Fatal(err)
	}

	atLeast(t, "NDCG@100", got.NDCG100, 0.475)
	atLeast(t, "Recall@20", got.Recall20, 0.332)
	atLeast(t, "Recall@50", got.Recall50, 0.462)
	atLeast(t, "coverage@20", got.Coverage20, 0.32)
	atLeast(t, "NDCG@100 / that of popularity", got.NDCG100/popular.NDCG100, 3.2)
	atLeast(t, "NDCG@100 / that of random", got.NDCG100/random.NDCG100, 85)

	// These figures show whether the ranker or the protocol is broken. Another
	// order of equally popular books changes the second one by 2e-4.
	if diff := cmp.Diff(0.0851, popular.Recall20, within(5e-5)); diff != "" {
		t.Errorf("Recall@20 of popularity (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(0.1404, popular.NDCG100, within(3e-4)); diff != "" {
		t.Errorf("NDCG@100 of popularity (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(0.4806, got.NDCG100, within(1e-4)); diff != "" {
		t.Errorf("NDCG@100 (-want +got):\n%s", diff)
	}

	// Readers with short histories. Without the prior, one book is worse than none.
	none := measure(t, "engine, no book", s.Shorten(0), ranker)
	if none != popular {
		t.Errorf("a reader without books gets %+v, want popularity, %+v", none, popular)
	}
	one := measure(t, "engine, one book", s.Shorten(1), ranker)
	atLeast(t, "NDCG@100 with one book / that of popularity", one.NDCG100/popular.NDCG100, 1.05)
	atLeast(t, "coverage@20 with one book / that of popularity", one.Coverage20/popular.Coverage20, 20)
	five := measure(t, "engine, five books", s.Shorten(5), ranker)
	atLeast(t, "NDCG@100 with five books / that of popularity", five.NDCG100/popular.NDCG100, 1.4)
}

// TestFiguresOfVariety checks what docs/recommender.md promises of the shelf that readers see.
func TestFiguresOfVariety(t *testing.T) {
	t.Parallel()
	g := openGoodbooks(t)
	s, ranker := g.split(), trainedRanker(t)
	by := evaluate.Described{Authors: g.authors, Main: make([]int, len(g.authors)), History: func(c evaluate.Case) (items []int32) {
		for _, r := range c.Rated {
			if engine.DefaultStrengths().Of(int(r.Stars)) > 0 {
				items = append(items, r.Item)
			}
		}
		return append(items, c.Hidden...)
	}}
	for i := range by.Main {
		by.Main[i] = -1
		if len(g.categories[i]) > 0 {
			by.Main[i] = g.categories[i][0]
		}
	}
	of := func(s evaluate.Split, v engine.Variety) evaluate.Shelf {
		var scored []engine.Scored
		shelf, err := evaluate.MeasureShelf(s, func(dst []int32, c evaluate.Case, k int) []int32 {
			items, strengths := opinions(c.Rated)
			scored = ranker.RankVaried(scored[:0], engine.Query{History: items, Strengths: strengths, Exclude: c.Hidden, Category: engine.AnyCategory, K: k}, v)
			for _, s := range scored {
				dst = append(dst, s.Item)
			}
			return dst
		}, by)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%+v: NDCG@10 %.4f ± %.4f, %.3f with few by one author, %.3f with one from outside", v, shelf.NDCG10, shelf.NDCG10Error, shelf.FewByOne, shelf.HasOutside)
		return shelf
	}
	plain := of(s, engine.Variety{})
	for _, step := range []recommender.Step{recommender.Close, recommender.Balanced, recommender.Far} {
		for _, books := range []int{1, 5, 1 << 20} {
			if shelf := of(s.Shorten(books), step.Rules()); shelf.FewByOne < 1 || shelf.HasOutside < 1 {
				t.Errorf("step %d, %d books known: %.4f of the shelves have few books by one author, %.4f one from outside, want all", step, books, shelf.FewByOne, shelf.HasOutside)
			}
		}
	}
	atLeast(t, "NDCG@10 of the shelf that readers see / that by score", of(s, recommender.Balanced.Rules()).NDCG10/plain.NDCG10, .95)
	atLeast(t, "that of the closest", of(s, recommender.Close.Rules()).NDCG10/plain.NDCG10, .98)
}

// TestFiguresOfSimpleMethods compares the baselines with the figures of another
// implementation: a weak baseline would flatter the ranker.
func TestFiguresOfSimpleMethods(t *testing.T) {
	t.Parallel()
	g := openGoodbooks(t)
	s := g.split()
	knn, err := evaluate.KNN(t.Context(), s, 20)
	if err != nil {
		t.Fatal(err)
	}
	near := within(0.005)
	for _, tt := range []struct {
		name string
		rank evaluate.CaseRanker
		want evaluate.Result
	}{
		{"item-kNN", knn.ForCases(), evaluate.Result{Recall20: .2553, Recall50: .3751, NDCG100: .3924, Coverage20: .242}},
		{"category popularity", evaluate.CategoryPopularity(s, g.categories).ForCases(),
			evaluate.Result{Recall20: .0900, Recall50: .1524, NDCG100: .1547, Coverage20: .016}},
	} {
		got := measure(t, tt.name, s, tt.rank)
		got.Readers, got.Recall20Error, got.Recall50Error, got.NDCG100Error = 0, 0, 0, 0
		if diff := cmp.Diff(tt.want, got, near); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestFiguresOfEachCategory checks that the shelf of each category is better than the most
// popular books of that category.
func TestFiguresOfEachCategory(t *testing.T) {
	t.Parallel()
	g := openGoodbooks(t)
	s := g.split()
	if len(g.names) != 18 {
		t.Errorf("%d categories, want 18", len(g.names))
	}
	ranker := trainedRanker(t)
	popularity := evaluate.PopularityByCategory(s, g.categories)
	for c, name := range g.names {
		of := s.InCategory(g.categories, c)
		ours := measure(t, name, of, rankerIn(ranker, c))
		popular := measure(t, name+", popularity", of, popularity[c].ForCases())
		if ours.Recall20 <= popular.Recall20 {
			t.Errorf("%s: Recall@20 %.4f is not above popularity's %.4f", name, ours.Recall20, popular.Recall20)
		}
	}
}

func atLeast(t *testing.T, what string, got, want float64) {
	t.Helper()
	if got < want {
		t.Errorf("%s is %.4f, want at least %.4f", what, got, want)
	}
}

func within(margin float64) cmp.Option {
	return cmp.Comparer(func(a, b float64) bool { return a-b <= margin && b-a <= margin })
}
