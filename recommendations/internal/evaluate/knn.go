package evaluate

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// KNN returns an item-based nearest neighbour ranker, the classic baseline. The
// score of a book is the sum of its cosines to those books of the fold-in that are
// among the k books most similar to it. Ties go to the more popular book. The only
// error is that of ctx, when it ends.
func KNN(ctx context.Context, s Split, k int) (Ranker, error) {
	readers := make([][]int32, s.Items) // readers of each item
	for r, items := range s.Train {
		for _, i := range items {
			readers[i] = append(readers[i], int32(r))
		}
	}
	// adds[i] holds what item i of a fold-in adds to the scores of others.
	adds := make([][]closeness, s.Items)
	var near []closeness
	joint := make([]int, s.Items)
	for j := range s.Items {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		clear(joint)
		for _, r := range readers[j] {
			for _, i := range s.Train[r] {
				joint[i]++
			}
		}
		near = near[:0]
		for i, n := range joint {
			if n > 0 && i != j {
				near = insert(near, closeness{int32(i), float64(n) / math.Sqrt(float64(len(readers[i])*len(readers[j])))}, k)
			}
		}
		for _, n := range near {
			adds[n.item] = append(adds[n.item], closeness{int32(j), n.cosine})
		}
	}
	order := s.byPopularity()
	score := make([]float64, s.Items)
	return func(dst, foldIn, hidden []int32, want int) []int32 {
		clear(score)
		for _, i := range foldIn {
			for _, n := range adds[i] {
				score[n.item] += n.cosine
			}
		}
		return appendBest(dst, order, score, foldIn, hidden, want)
	}, nil
}

// closeness is the similarity of one item to another.
type closeness struct {
	item   int32
	cosine float64
}

// compare orders the most similar first.
func (c closeness) compare(other closeness) int {
	return cmp.Or(cmp.Compare(other.cosine, c.cosine), cmp.Compare(c.item, other.item))
}

// insert adds an item to the k most similar ones so far, in order, if it is one of them.
// k must be at least 1.
func insert(near []closeness, c closeness, k int) []closeness {
	if len(near) == k {
		if near[k-1].compare(c) < 0 {
			return near
		}
		near = near[:k-1]
	}
	place, _ := slices.BinarySearchFunc(near, c, closeness.compare)
	return slices.Insert(near, place, c)
}

// appendBest appends the k items with the highest scores that the reader does not
// have. order holds all items; ties go to the one that comes first in it.
func appendBest(dst, order []int32, score []float64, foldIn, hidden []int32, k int) []int32 {
	base := len(dst)
	for _, i := range order {
		full := len(dst)-base >= k
		if full && (k < 1 || score[i] <= score[dst[len(dst)-1]]) || has(foldIn, i) || has(hidden, i) {
			continue
		}
		if full {
			dst = dst[:len(dst)-1]
		}
		dst = append(dst, i)
		for p := len(dst) - 1; p > base && score[dst[p-1]] < score[i]; p-- {
			dst[p-1], dst[p] = dst[p], dst[p-1]
		}
	}
	return dst
}
