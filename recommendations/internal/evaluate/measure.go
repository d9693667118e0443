package evaluate

import (
	"fmt"
	"math"
)

const (
	depth    = 100 // books asked of a ranker for each reader
	topShelf = 20  // how many of them coverage looks at
)

// Ranker appends the k books, best first, that it would show a reader who
// likes the books of foldIn to dst, and returns it. It never names a book of
// foldIn or of hidden, books that the reader has too but that it must not learn
// from. It gives fewer than k only when it has no more. It must not keep or
// change what it is given.
type Ranker func(dst, foldIn, hidden []int32, k int) []int32

// CaseRanker is a [Ranker] that may also learn from the stars of
// a case. It must not look at the targets.
type CaseRanker func(dst []int32, c Case, k int) []int32

// ForCases makes a CaseRanker of one that knows of no stars.
func (r Ranker) ForCases() CaseRanker {
	return func(dst []int32, c Case, k int) []int32 { return r(dst, c.FoldIn, c.Hidden, k) }
}

// Result is the quality of a ranker on a split: means over the readers, as
// fractions of 1, and the standard errors of the means.
type Result struct {
	Readers       int     // held-out readers it was measured on
	Recall20      float64 // targets among the first 20 / min(20, targets)
	Recall20Error float64
	Recall50      float64
	Recall50Error float64
	NDCG100       float64 // discounted gain of targets among the first 100, 1 in the best order
	NDCG100Error  float64
	Coverage20    float64 // share of the liked books that are in any reader's first 20
}

// Measure asks the ranker for every case of the split. It gives an error
// when a ranking repeats a book, names one that the reader has or that does not
// exist, or is too long.
func Measure(s Split, rank Ranker) (Result, error) {
	return MeasureCases(s, rank.ForCases(), 1)
}

// MeasureCases asks draws times for every case and takes the mean; more than once
// for a ranker that answers otherwise each time.
func MeasureCases(s Split, rank CaseRanker, draws int) (Result, error) {
	var (
		recall20, recall50, ndcg100 mean

		ranking []int32
		judge   = newJudge(s.Items)
		shown   = make([]map[int32]bool, draws)
	)
	for draw := range shown {
		shown[draw] = map[int32]bool{}
	}
	for _, c := range s.Cases {
		var sum gains
		for draw := range shown {
			ranking = rank(ranking[:0], c, depth)
			g, err := judge.rate(c, ranking)
			if err != nil {
				return Result{}, fmt.Errorf("ranking for reader %d: %w", c.Reader, err)
			}
			sum.add(g)
			for _, i := range ranking[:min(topShelf, len(ranking))] {
				if s.liked == nil || s.liked[i] {
					shown[draw][i] = true
				}
			}
		}
		recall20.add(sum.recall20 / float64(draws))
		recall50.add(sum.recall50 / float64(draws))
		ndcg100.add(sum.ndcg100 / float64(draws))
	}
	r := Result{Readers: len(s.Cases)}
	r.Recall20, r.Recall20Error = recall20.result()
	r.Recall50, r.Recall50Error = recall50.result()
	r.NDCG100, r.NDCG100Error = ndcg100.result()
	for _, books := range shown {
		r.Coverage20 += float64(len(books)) / float64(max(s.Liked, 1)) / float64(draws)
	}
	return r, nil
}

// mean collects values.
type mean struct {
	n, sum, squares float64
}

func (m *mean) add(x float64) {
	m.n++
	m.sum += x
	m.squares += x * x
}

// result gives the mean and its standard error, 0 and 0 of nothing.
func (m *mean) result() (value, standardError float64) {
	n := max(m.n, 1)
	value = m.sum / n
	return value, math.Sqrt(max(m.squares/n-value*value, 0) / n)
}
