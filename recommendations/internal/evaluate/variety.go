package evaluate

import "fmt"

const (
	shelfBooks = 12 // books of a shelf as readers see it
	shelfDepth = 10 // of which NDCG@10 judges the first
	mostByOne  = 2  // books by one author that a varied shelf may have
)

// Shelf is the quality and the variety of the first 12 books that a ranking shows.
type Shelf struct {
	Step      string // of the control of variety that asks for these rules; "" for none
	PerAuthor int    // most books by one author; 0 for any number
	Outside   int    // places for books from outside what the history is made of

	NDCG10, NDCG10Error float64
	Change              float64 // of NDCG@10, against the shelf by score, as a share of it
	FewByOne            float64 // share of shelves with at most 2 books by any author
	HasOutside          float64 // share with a book from outside
	Coverage12          float64 // share of the liked books that are on any shelf
}

// Described is what variety goes by.
type Described struct {
	Authors []int32 // author of each item; negative for none
	Main    []int   // main category of each item; negative for none
	// History returns the books that a reader has.
	History func(Case) []int32
}

// MeasureShelf measures the first 12 books of a ranking. Errors as for [MeasureCases].
func MeasureShelf(s Split, rank CaseRanker, by Described) (Shelf, error) {
	var (
		ndcg    mean
		ranking []int32
		judge   = newJudge(s.Items)
		seen    = map[int32]bool{}
		shelf   Shelf
	)
	for _, c := range s.Cases {
		ranking = rank(ranking[:0], c, shelfBooks)
		if _, err := judge.rate(c, ranking); err != nil {
			return Shelf{}, fmt.Errorf("shelf of reader %d: %w", c.Reader, err)
		}
		gain := 0.0
		for place, i := range ranking[:min(shelfDepth, len(ranking))] {
			if has(c.Targets, i) {
				gain += discount(place)
			}
		}
		ndcg.add(gain / ideal(min(shelfDepth, len(c.Targets))))
		if by.most(ranking) <= mostByOne {
			shelf.FewByOne++
		}
		if by.leaves(by.History(c), ranking) {
			shelf.HasOutside++
		}
		for _, i := range ranking {
			if s.liked == nil || s.liked[i] {
				seen[i] = true
			}
		}
	}
	n := float64(max(1, len(s.Cases)))
	shelf.FewByOne /= n
	shelf.HasOutside /= n
	shelf.NDCG10, shelf.NDCG10Error = ndcg.result()
	shelf.Coverage12 = float64(len(seen)) / float64(max(s.Liked, 1))
	return shelf, nil
}

// most returns how many of some books are by the author of most of them.
func (d Described) most(items []int32) (most int) {
	n := map[int32]int{}
	for _, i := range items {
		if a := d.Authors[i]; a >= 0 {
			n[a]++
			most = max(most, n[a])
		}
	}
	return most
}

// leaves reports whether any of some books is from outside what a history is made of: by an
// author of whom it has none, and of a main category that fewer than a tenth of it have.
func (d Described) leaves(history, items []int32) bool {
	authors, categories := map[int32]bool{}, map[int]int{}
	for _, i := range history {
		authors[d.Authors[i]] = true
		categories[d.Main[i]]++
	}
	for _, i := range items {
		a, c := d.Authors[i], d.Main[i]
		if (a < 0 || !authors[a]) && (c < 0 || 10*categories[c] < len(history)) {
			return true
		}
	}
	return false
}
