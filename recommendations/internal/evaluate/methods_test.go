package evaluate_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bookstall/recommendations/internal/evaluate"
)

// tiny returns a split with six books, small enough to count by hand. Each line is a
// reader, each column a book:
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
		// 1/√3 = .577 for 4. The other books follow by popularity.
		{"all neighbours", 5, []int32{0}, nil, 6, []int32{3, 1, 4, 2, 5}},
		// The book most similar to 3 is 0; to 1 it is 0, as 0 and 2 both have
		// .577; to 2 it is 1; to 4 it is 3 (.707). So 0 adds to 1 and 3.
		{"one neighbour", 1, []int32{0}, nil, 6, []int32{3, 1, 2, 4, 5}},
		// 0 adds .333 to 2 and .577 to 4; 3 adds nothing to 2 and .707 to 4.
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
		for range 2 { // the second call must not depend on the first
			if diff := cmp.Diff(tt.ranking, rank(nil, tt.foldIn, tt.hidden, tt.want)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.name, diff)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := evaluate.KNN(ctx, tiny(), 5); !errors.Is(err, context.Canceled) {
		t.Errorf("KNN with a cancelled context: %v, want context.Canceled", err)
	}
}

// tinyCategories returns the categories of the books of tiny.
func tinyCategories() [][]int { return [][]int{{0}, {0, 1}, {1}, {2, 0}, {2}, nil} }

func TestCategoryPopularity(t *testing.T) {
	rank := evaluate.CategoryPopularity(tiny(), tinyCategories())
	tests := []struct {
		name    string
		foldIn  []int32
		ranking []int32
	}{
		// Shares 1, 0, 0: the score of book 1 is 4·½, of book 3 2·½, of others 0.
		{"one category", []int32{0}, []int32{1, 3, 2, 4, 5}},
		// Shares 0, 1, 1: the score of book 1 is 4·½, of book 3 2·½, of others 0.
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

// TestMeanOfDraws measures a ranker that finds the target every second time.
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
