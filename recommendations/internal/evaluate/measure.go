package evaluate

import (
	"fmt"
	"math"
)

const (
	depth    = 100 // books asked of a recommender for each reader
	topShelf = 20  // how many of them coverage looks at
)

// Recommender appends the k books, best first, that it would show a reader who
// likes the books of foldIn to dst, and returns it. It never names a book of
// foldIn or of hidden, books that the reader has too but that it must not learn
// from. It gives fewer than k only when it has no more. It must not keep or
// change what it is given.
type Recommender func(dst, foldIn, hidden []int32, k int) []int32

// Result is the quality of a recommender on a split: means over the readers, as
// fractions of 1.
type Result struct {
	Readers      int     // held-out readers it was measured on
	Recall20     float64 // targets among the first 20 / min(20, targets)
	Recall50     float64
	NDCG100      float64 // discounted gain of targets among the first 100, 1 in the best order
	NDCG100Error float64 // standard error of the mean
	Coverage20   float64 // share of the liked books that are in any reader's first 20
}

// Measure asks the recommender for every case of the split. It gives an error
// when a ranking repeats a book, names one that the reader has or that does not
// exist, or is too long.
func Measure(s Split, recommend Recommender) (Result, error) {
	var (
		sum     gains
		squares float64
		ranking []int32
		judge   = newJudge(s.Items)
		shown   = map[int32]bool{}
	)
	for _, c := range s.Cases {
		ranking = recommend(ranking[:0], c.FoldIn, c.Hidden, depth)
		g, err := judge.rate(c, ranking)
		if err != nil {
			return Result{}, fmt.Errorf("ranking for reader %d: %w", c.Reader, err)
		}
		sum.recall20 += g.recall20
		sum.recall50 += g.recall50
		sum.ndcg100 += g.ndcg100
		squares += g.ndcg100 * g.ndcg100
		for _, i := range ranking[:min(topShelf, len(ranking))] {
			shown[i] = true
		}
	}
	n := float64(max(len(s.Cases), 1))
	r := Result{
		Readers:    len(s.Cases),
		Recall20:   sum.recall20 / n,
		Recall50:   sum.recall50 / n,
		NDCG100:    sum.ndcg100 / n,
		Coverage20: float64(len(shown)) / float64(max(s.Liked, 1)),
	}
	r.NDCG100Error = math.Sqrt(max(squares/n-r.NDCG100*r.NDCG100, 0) / n)
	return r, nil
}
