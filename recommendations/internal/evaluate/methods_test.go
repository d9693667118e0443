package evaluate_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bookstall/recommendations/internal/evaluate"
)

// Six books and who likes them, small enough to count by hand:
//
//	     0  1  2  3  4  5
//	     x  x  x
//	     x  x     x
//	     x        x  x
//	        x  x
//	        x
//	             x
//	n    3  4  3  2  1  0
func tiny() evaluate.Split {
	return evaluate.Split{Items: 6, Train: [][]int32{{0, 1, 2}, {0, 1, 3}, {0, 3, 4}, {1, 2}, {1}, {2}}}
}

func TestKNN(t *testing.T) {
	tests := []struct {
		name           string
		k              int
		foldIn, hidden []int32
		want           int // how many
		ranking        []int32
	}{
		// Cosines with 0: 2/√12 = .577 for 1, 1/3 for 2, 2/√6 = .816 for 3,
		// 1/√3 = .577 for 4. What is left comes by popularity.
		{"all neighbours", 5, []int32{0}, nil, 6, []int32{3, 1, 4, 2, 5}},
		// The one most similar to 3 is 0. To 1 it is 0 or 2, .577 each: the
		// lower. To 2 it is 1, to 4 it is 3 (.707). So 0 speaks for 1 and 3.
		{"one neighbour", 1, []int32{0}, nil, 6, []int32{3, 1, 2, 4, 5}},
		// 0 gives 2 .333 and 4 .577, 3 gives 2 nothing and 4 .707.
		{"two books", 5, []int32{0, 3}, nil, 6, []int32{4, 1, 2, 5}},
		{"hidden", 5, []int32{0}, []int32{1, 3}, 2, []int32{4, 2}},
		{"nothing known", 5, nil, nil, 3, []int32{1, 0, 2}},
		{"nothing wanted", 5, []int32{0}, nil, 0, nil},
	}
	for _, tt := range tests {
		rank, err := evaluate.KNN(t.Context(), tiny(), tt.k)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // it keeps nothing of the reader before
			if diff := cmp.Diff(tt.ranking, rank(nil, tt.foldIn, tt.hidden, tt.want)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.name, diff)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := evaluate.KNN(ctx, tiny(), 5); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
}

// tinyCategories: 1 and 3 have two.
func tinyCategories() [][]int { return [][]int{{0}, {0, 1}, {1}, {2, 0}, {2}, nil} }

func TestCategoryPopularity(t *testing.T) {
	rank := evaluate.CategoryPopularity(tiny(), tinyCategories())
	tests := []struct {
		name    string
		foldIn  []int32
		ranking []int32
	}{
		// Mix 1, 0, 0: book 1 has 4·½, book 3 has 2·½, others nothing.
		{"one category", []int32{0}, []int32{1, 3, 2, 4, 5}},
		// Mix 0, 1, 1: book 1 has 4·½, book 3 has 2·½, others nothing.
		{"two categories", []int32{2, 4}, []int32{1, 3, 0, 5}},
		{"a book without one", []int32{5}, []int32{1, 0, 2, 3, 4}},
	}
	for _, tt := range tests {
		for range 2 {
			if diff := cmp.Diff(tt.ranking, rank(nil, tt.foldIn, nil, 6)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.name, diff)
			}
		}
	}
	if diff := cmp.Diff([]int32{9, 2}, rank([]int32{9}, []int32{0}, []int32{1, 3}, 1)); diff != "" {
		t.Errorf("hidden books (-want +got):\n%s", diff)
	}
}

func TestOneCategory(t *testing.T) {
	s := tiny()
	rank := evaluate.PopularityByCategory(s, tinyCategories())[0]
	if diff := cmp.Diff([]int32{1, 3}, rank(nil, []int32{0}, nil, 6)); diff != "" {
		t.Errorf("popularity in category 0 (-want +got):\n%s", diff)
	}
	s.Cases = []evaluate.Case{
		{Reader: 1, FoldIn: []int32{0}, Targets: []int32{1, 2, 3}},
		{Reader: 2, FoldIn: []int32{0}, Targets: []int32{4, 5}},
	}
	want := []evaluate.Case{{Reader: 1, FoldIn: []int32{0}, Targets: []int32{1, 3}}}
	if diff := cmp.Diff(want, s.InCategory(tinyCategories(), 0).Cases); diff != "" {
		t.Errorf("cases of category 0 (-want +got):\n%s", diff)
	}
	if !slices.Equal(s.Cases[0].Targets, []int32{1, 2, 3}) {
		t.Error("the split itself was changed")
	}
}

// TestMeanOfDraws has a ranker that finds the target every second time.
func TestMeanOfDraws(t *testing.T) {
	s := evaluate.Split{Items: 10, Liked: 4, Cases: []evaluate.Case{
		{Reader: 1, FoldIn: []int32{0}, Targets: []int32{1}},
		{Reader: 2, FoldIn: []int32{0}, Targets: []int32{1}},
	}}
	asked := 0
	got, err := evaluate.MeasureCases(s, func(dst []int32, _ evaluate.Case, _ int) []int32 {
		asked++
		return append(dst, int32(1+asked%2))
	}, 4)
	if err != nil {
		t.Fatal(err)
	}
	want := evaluate.Result{Readers: 2, Recall20: 0.5, Recall50: 0.5, NDCG100: 0.5, Coverage20: 0.25}
	if got != want || asked != 8 {
		t.Errorf("asked %d times: %+v, want 8 and %+v", asked, got, want)
	}
}
