package evaluate_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bookstall/recommendations/internal/evaluate"
)

// likes returns ratings of five stars by one reader.
func likes(reader int64, books ...int64) []evaluate.Rating {
	var list []evaluate.Rating
	for _, b := range books {
		list = append(list, evaluate.Rating{Reader: reader, Book: b, Stars: 5})
	}
	return list
}

func TestNewData(t *testing.T) {
	ratings := slices.Concat(
		likes(9, 50, 10, 30, 20, 40),
		likes(9, 10), // repeated
		[]evaluate.Rating{{Reader: 9, Book: 60, Stars: 3}}, // not a positive
		[]evaluate.Rating{{Reader: 9, Book: 20, Stars: 1}}, // but also rated 5
		likes(7, 10, 20, 30, 40),                           // too few positives
		likes(3, 10, 20, 30, 40),
		[]evaluate.Rating{{Reader: 3, Book: 60, Stars: 4}},
	)
	want := evaluate.Data{
		Books: []int64{10, 20, 30, 40, 50, 60},
		Readers: []evaluate.Reader{
			{ID: 3, Items: []int32{0, 1, 2, 3, 5}, Rated: rated(0, 5, 1, 5, 2, 5, 3, 5, 5, 4)},
			{ID: 9, Items: []int32{0, 1, 2, 3, 4}, Rated: rated(0, 5, 1, 5, 2, 5, 3, 5, 4, 5, 5, 3)},
		},
	}
	for name, list := range map[string][]evaluate.Rating{
		"in order": ratings, "reversed": reversed(ratings),
	} {
		for _, catalogue := range [][]int64{nil, {60, 50, 40, 30, 20, 10, 10}} {
			got, err := evaluate.NewData(catalogue, slices.Values(list))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, catalogue %v (-want +got):\n%s", name, catalogue, diff)
			}
		}
	}
}

// rated returns a list of ratings from pairs of item and stars.
func rated(pairs ...int) []evaluate.Rated {
	var list []evaluate.Rated
	for k := 0; k < len(pairs); k += 2 {
		list = append(list, evaluate.Rated{Item: int32(pairs[k]), Stars: uint8(pairs[k+1])})
	}
	return list
}

func reversed(list []evaluate.Rating) []evaluate.Rating {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

func TestNewDataRefusesUnknownBooks(t *testing.T) {
	_, err := evaluate.NewData([]int64{1, 2}, slices.Values(likes(1, 1, 8, 7)))
	if err == nil || !strings.Contains(err.Error(), "book 7 has ratings") {
		t.Errorf("error %v, want one that names book 7", err)
	}
}

func TestSplit(t *testing.T) {
	// Readers 183, 346 and 388 are in fold 0, 1 is in fold 3.
	var ratings []evaluate.Rating
	for _, reader := range []int64{1, 183, 346, 388} {
		ratings = append(ratings, likes(reader, 1, 2, 3, 4, 5, 113, 162)...)
	}
	d, err := evaluate.NewData(nil, slices.Values(ratings))
	if err != nil {
		t.Fatal(err)
	}
	s := d.Split(0, func(reader int64) bool { return reader != 346 })
	if len(s.Train) != 2 || len(s.Cases) != 2 || s.Items != 7 || s.Liked != 7 {
		t.Fatalf("%d for training, %d cases, %d items, %d liked; want 2, 2, 7, 7", len(s.Train), len(s.Cases), s.Items, s.Liked)
	}
	want := evaluate.Case{Reader: 183, FoldIn: []int32{1, 2, 3, 4}, Targets: []int32{0, 5, 6}, Rated: rated(1, 5, 2, 5, 3, 5, 4, 5)}
	if diff := cmp.Diff(want, s.Cases[0]); diff != "" {
		t.Errorf("reader 183 (-want +got):\n%s", diff)
	}
	if rest := d.Without(0, nil); len(rest.Readers) != 1 || rest.Readers[0].ID != 1 {
		t.Errorf("without fold 0: %+v, want reader 1 alone", rest.Readers)
	}
	if all := d.Split(0, nil); len(all.Cases) != 3 {
		t.Errorf("%d cases when every reader may be held out, want 3", len(all.Cases))
	}
}

func TestShorten(t *testing.T) {
	s := evaluate.Split{Items: 10, Cases: []evaluate.Case{
		{Reader: 5, FoldIn: []int32{0, 2, 3, 5, 7, 9}, Targets: []int32{1}, Rated: rated(0, 5, 2, 4, 3, 5, 4, 1, 5, 5, 6, 3, 7, 4, 8, 2, 9, 5)},
	}}
	var before []int32
	for n := range 8 {
		c := s.Shorten(n).Cases[0]
		if len(c.FoldIn) != min(n, 6) || !slices.IsSorted(c.FoldIn) || !slices.IsSorted(c.Hidden) {
			t.Errorf("shortened to %d: %+v", n, c)
		}
		others := 0
		for _, r := range c.Rated {
			if slices.Contains(c.Hidden, r.Item) {
				t.Errorf("shortened to %d: hidden item %d has stars", n, r.Item)
			}
			if r.Stars < evaluate.PositiveStars {
				others++
			}
		}
		if len(c.Rated)-others != len(c.FoldIn) || others != min(n, 6)/2 {
			t.Errorf("shortened to %d: %d books have stars, %d of them below 4", n, len(c.Rated), others)
		}
		all := slices.Concat(c.FoldIn, c.Hidden)
		slices.Sort(all)
		if !slices.Equal(all, s.Cases[0].FoldIn) || !slices.Equal(c.Targets, s.Cases[0].Targets) {
			t.Errorf("shortened to %d, %+v lost or gained books", n, c)
		}
		for _, i := range before {
			if !slices.Contains(c.FoldIn, i) {
				t.Errorf("shortened to %d: %v lacks item %d of the shorter one", n, c.FoldIn, i)
			}
		}
		before = c.FoldIn
		if again := s.Shorten(6).Shorten(n).Cases[0]; !cmp.Equal(c, again) {
			t.Errorf("shortened to %d twice: %+v, then %+v", n, c, again)
		}
	}
}
