package evaluate

import (
	"fmt"
	"math"
)

const (
	depth    = 100 // number of books in a ranking
	topShelf = 20  // number of these that coverage counts
)

// Ranker appends to dst the k best books, best first, for a reader who likes the
// books of foldIn, and returns the extended slice. It appends fewer only if there are
// no more. The answer must not contain books of foldIn or of hidden; the reader has
// the latter too, but the ranker must not learn from them. A Ranker must
// not keep or change its arguments.
type Ranker func(dst, foldIn, hidden []int32, k int) []int32

// CaseRanker is like a [Ranker], but also gets the stars of a case. It must
// not use the targets.
type CaseRanker func(dst []int32, c Case, k int) []int32

// ForCases returns a CaseRanker that calls r.
func (r Ranker) ForCases() CaseRanker {
	return func(dst []int32, c Case, k int) []int32 { return r(dst, c.FoldIn, c.Hidden, k) }
}

// Result is the quality of a ranker on a split: means over the held-out readers,
// 0 to 1, and the standard errors of these means.
type Result struct {
	Readers       int     // number of held-out readers
	Recall20      float64 // targets among the first 20 / min(20, targets)
	Recall20Error float64
	Recall50      float64
	Recall50Error float64
	NDCG100       float64 // discounted gain of the targets among the first 100 / that of the best order
	NDCG100Error  float64
	Coverage20    float64 // share of the liked books that are among any reader's first 20
}

// MeasureCases calls the ranker draws times for every case of the split and returns
// the means. draws must be at least 1; use more for a ranker that draws at random.
//
// Errors: a ranking repeats an item, has an item that does not exist or that the
// reader has, or is longer than 100.
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

// mean accumulates values.
type mean struct {
	n, sum, squares float64
}

func (m *mean) add(x float64) {
	m.n++
	m.sum += x
	m.squares += x * x
}

// result returns the mean and its standard error, or zeros if there are no values.
func (m *mean) result() (value, standardError float64) {
	n := max(m.n, 1)
	value = m.sum / n
	return value, math.Sqrt(max(m.squares/n-value*value, 0) / n)
}
