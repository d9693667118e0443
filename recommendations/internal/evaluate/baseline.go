package evaluate

import (
	"math/rand/v2"
	"slices"
)

// Popularity recommends to every reader the books that most training readers like.
// Ties go to the lower index.
func Popularity(s Split) Ranker { return inOrder(s.byPopularity()) }

// popularity returns the number of training readers who like each item.
func (s Split) popularity() []int {
	counts := make([]int, s.Items)
	for _, items := range s.Train {
		for _, i := range items {
			counts[i]++
		}
	}
	return counts
}

// byPopularity returns all items, the most popular first.
func (s Split) byPopularity() []int32 {
	counts := s.popularity()
	order := make([]int32, s.Items)
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return counts[b] - counts[a] })
	return order
}

// inOrder recommends the first items of order that the reader does not have.
func inOrder(order []int32) Ranker {
	return func(dst, foldIn, hidden []int32, k int) []int32 {
		for _, i := range order {
			if k == 0 {
				break
			}
			if !has(foldIn, i) && !has(hidden, i) {
				dst = append(dst, i)
				k--
			}
		}
		return dst
	}
}

// Random recommends random books, different ones for each call. The same seed gives
// the same sequence of answers. It is the lowest baseline, and what the tutorials do
// that this shop descends from.
func Random(s Split, seed uint64) Ranker {
	source := rand.New(rand.NewPCG(seed, 0))
	order := make([]int32, s.Items)
	for i := range order {
		order[i] = int32(i)
	}
	return func(dst, foldIn, hidden []int32, k int) []int32 {
		// A Fisher-Yates shuffle that stops after k books.
		for place := 0; place < len(order) && k > 0; place++ {
			other := place + source.IntN(len(order)-place)
			order[place], order[other] = order[other], order[place]
			if i := order[place]; !has(foldIn, i) && !has(hidden, i) {
				dst = append(dst, i)
				k--
			}
		}
		return dst
	}
}

// has reports whether a sorted list contains an item.
func has(ascending []int32, item int32) bool {
	_, found := slices.BinarySearch(ascending, item)
	return found
}
