package evaluate

import (
	"math/rand/v2"
	"slices"
)

// Popularity recommends what most readers for training like, ties by lower
// index, whoever asks.
func Popularity(s Split) Ranker { return inOrder(s.byPopularity()) }

// popularity is the number of readers for training who like each item.
func (s Split) popularity() []int {
	counts := make([]int, s.Items)
	for _, items := range s.Train {
		for _, i := range items {
			counts[i]++
		}
	}
	return counts
}

func (s Split) byPopularity() []int32 {
	counts := s.popularity()
	order := make([]int32, s.Items)
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return counts[b] - counts[a] })
	return order
}

// inOrder recommends the first of a list that the reader does not have.
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

// Random recommends books drawn at random, other ones to each reader, the same
// in each run with one seed. It is the floor: what the tutorials this shop
// descends from do.
func Random(s Split, seed uint64) Ranker {
	source := rand.New(rand.NewPCG(seed, 0))
	order := make([]int32, s.Items)
	for i := range order {
		order[i] = int32(i)
	}
	return func(dst, foldIn, hidden []int32, k int) []int32 {
		// A Fisher-Yates shuffle that stops when k books are found.
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

func has(ascending []int32, item int32) bool {
	_, found := slices.BinarySearch(ascending, item)
	return found
}
