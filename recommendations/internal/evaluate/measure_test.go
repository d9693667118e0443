package evaluate_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bookstall/recommendations/internal/evaluate"
)

// fixed returns a ranker with always the same answer.
func fixed(ranking ...int32) evaluate.Ranker {
	return func(dst, _, _ []int32, _ int) []int32 { return append(dst, ranking...) }
}

func TestMeasure(t *testing.T) {
	// Computed by hand: targets 1 and 2 are found at places 1 and 3, counted from 1.
	one := evaluate.Split{Items: 200, Liked: 50, Cases: []evaluate.Case{
		{Reader: 1, FoldIn: []int32{0}, Targets: []int32{1, 2}},
	}}
	idealTwo := 1 + 1/math.Log2(3)
	// Place 21 does not count for Recall@20, and place 51 not for Recall@50.
	late := func(place int) []int32 {
		var ranking []int32
		for i := range int32(place - 1) {
			ranking = append(ranking, 10+i)
		}
		return append(ranking, 1)
	}
	many := evaluate.Split{Items: 200, Liked: 50, Cases: []evaluate.Case{{Reader: 1, FoldIn: []int32{0}}}}
	var ranking []int32
	for i := range int32(150) {
		many.Cases[0].Targets = append(many.Cases[0].Targets, 1+i)
	}
	for i := range int32(100) {
		ranking = append(ranking, 1+i)
	}
	tests := []struct {
		name    string
		s       evaluate.Split
		ranking []int32
		want    evaluate.Result
	}{
		{"two of two", one, []int32{1, 9, 2}, evaluate.Result{
			Readers: 1, Recall20: 1, Recall50: 1, NDCG100: (1 + 0.5) / idealTwo, Coverage20: 3. / 50}},
		{"nothing shown", one, nil, evaluate.Result{Readers: 1}},
		{"place 20", one, late(20), evaluate.Result{
			Readers: 1, Recall20: 0.5, Recall50: 0.5, NDCG100: 1 / math.Log2(21) / idealTwo, Coverage20: 20. / 50}},
		{"place 21", one, late(21), evaluate.Result{
			Readers: 1, Recall50: 0.5, NDCG100: 1 / math.Log2(22) / idealTwo, Coverage20: 20. / 50}},
		{"place 51", one, late(51), evaluate.Result{
			Readers: 1, NDCG100: 1 / math.Log2(52) / idealTwo, Coverage20: 20. / 50}},
		{"more targets than places", many, ranking, evaluate.Result{
			Readers: 1, Recall20: 1, Recall50: 1, NDCG100: 1, Coverage20: 20. / 50}},
		{"no cases", evaluate.Split{Items: 5}, nil, evaluate.Result{}},
	}
	for _, tt := range tests {
		got, err := evaluate.MeasureCases(tt.s, fixed(tt.ranking...).ForCases(), 1)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.want, got, cmpopts.EquateApprox(0, 1e-12)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestMeasureIsTheMeanOverReaders(t *testing.T) {
	s := evaluate.Split{Items: 10, Liked: 4, Cases: []evaluate.Case{
		{Reader: 1, FoldIn: []int32{0}, Targets: []int32{1}},
		{Reader: 2, FoldIn: []int32{0}, Targets: []int32{2}},
	}}
	got, err := evaluate.MeasureCases(s, fixed(1).ForCases(), 1)
	if err != nil {
		t.Fatal(err)
	}
	want := evaluate.Result{
		Readers: 2, Recall20: 0.5, Recall50: 0.5, NDCG100: 0.5, Coverage20: 0.25,
		Recall20Error: math.Sqrt(0.25 / 2), Recall50Error: math.Sqrt(0.25 / 2), NDCG100Error: math.Sqrt(0.25 / 2),
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-12)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Coverage does not count a book that nobody likes.
func TestCoverageIsOfLikedBooks(t *testing.T) {
	ratings := append(likes(183, 1, 2, 3, 4, 5, 113, 162), evaluate.Rating{Reader: 1, Book: 6, Stars: 2})
	d, err := evaluate.NewData(nil, slices.Values(ratings))
	if err != nil {
		t.Fatal(err)
	}
	s := d.Split(0, nil)
	got, err := evaluate.MeasureCases(s, fixed(0, 5).ForCases(), 1) // books 1 and 6
	if err != nil {
		t.Fatal(err)
	}
	if want := 1. / 7; got.Coverage20 != want {
		t.Errorf("coverage %v, want %v", got.Coverage20, want)
	}
}

func TestMeasureRefuses(t *testing.T) {
	s := evaluate.Split{Items: 200, Cases: []evaluate.Case{
		{Reader: 8, FoldIn: []int32{0}, Hidden: []int32{5}, Targets: []int32{1}},
	}}
	long := make([]int32, 101)
	for k := range long {
		long[k] = int32(k) + 10
	}
	tests := []struct {
		name    string
		ranking []int32
		want    string
	}{
		{"repeat", []int32{3, 3}, "reader 8: item 3 appears twice"},
		{"target repeated", []int32{1, 1}, "item 1 appears twice"},
		{"fold-in", []int32{0}, "item 0 is one that the reader has"},
		{"hidden", []int32{5}, "item 5 is one that the reader has"},
		{"unknown", []int32{200}, "item 200 does not exist"},
		{"negative", []int32{-1}, "item -1 does not exist"},
		{"too long", long, "101 books"},
	}
	for _, tt := range tests {
		if _, err := evaluate.MeasureCases(s, fixed(tt.ranking...).ForCases(), 1); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}

func TestPopularity(t *testing.T) {
	s := evaluate.Split{Items: 5, Train: [][]int32{{3, 4}, {1, 3}, {1, 3}, {4}}}
	rank := evaluate.Popularity(s)
	if diff := cmp.Diff([]int32{9, 3, 1, 4}, rank([]int32{9}, nil, nil, 3)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int32{4, 0, 2}, rank(nil, []int32{1}, []int32{3}, 100)); diff != "" {
		t.Errorf("without the reader's books (-want +got):\n%s", diff)
	}
}

func TestRandom(t *testing.T) {
	s := evaluate.Split{Items: 50}
	draw := func(seed uint64) []int32 { return evaluate.Random(s, seed)(nil, []int32{1}, []int32{3}, 100) }
	got := draw(1)
	if !slices.Equal(got, draw(1)) || slices.Equal(got, draw(2)) {
		t.Error("the answer does not depend on the seed only")
	}
	slices.Sort(got)
	if len(slices.Compact(got)) != 48 || slices.Contains(got, 1) || slices.Contains(got, 3) {
		t.Errorf("got %v, want each of 50 books except 1 and 3 once", got)
	}
	rank := evaluate.Random(s, 1)
	if slices.Equal(rank(nil, nil, nil, 10), rank(nil, nil, nil, 10)) {
		t.Error("two calls gave the same answer")
	}
}
