package engine

import (
	"math"
	"slices"
)

// Scored is one book of an answer.
type Scored struct {
	Item int32
	// Because is the book of the history that adds most to the score, or
	// NoReason if only popularity does.
	Because int32
	// Score orders the books of an answer; higher is better. Scores of
	// different queries are not comparable.
	Score float64
}

// NoReason is the value of [Scored.Because] when no book is the reason.
const NoReason = -1

// better orders an answer: by score, ties by lower index.
func better(a, b Scored) bool {
	return a.Score > b.Score || a.Score == b.Score && a.Item < b.Item
}

// best keeps the k best of the books it is offered, in a heap whose root is the
// worst of them. The heap is in the caller's slice, after its previous elements,
// so that nothing is allocated when there is room.
type best struct {
	dst   []Scored
	base  int // length of dst at the start
	k     int
	floor float64 // books with a lower score are not among the k best
}

func newBest(dst []Scored, k int) best {
	return best{dst: slices.Grow(dst, k), base: len(dst), k: k, floor: math.Inf(-1)}
}

// offer adds a book if it is among the k best so far, and reports whether it is. k
// must be above 0.
func (b *best) offer(s Scored) bool {
	heap := b.dst[b.base:]
	switch {
	case len(heap) < b.k:
		b.dst = append(b.dst, s)
		heap = b.dst[b.base:]
		up(heap)
	case better(s, heap[0]):
		heap[0] = s
		down(heap)
	default:
		return false
	}
	if len(heap) == b.k {
		b.floor = heap[0].Score
	}
	return true
}

// sorted sorts the books, best first, and returns the caller's slice.
func (b *best) sorted() []Scored {
	for heap := b.dst[b.base:]; len(heap) > 1; {
		last := len(heap) - 1
		heap[0], heap[last] = heap[last], heap[0]
		heap = heap[:last]
		down(heap)
	}
	return b.dst
}

// up restores the heap after its last element was added.
func up(heap []Scored) {
	i := len(heap) - 1
	s := heap[i]
	for i > 0 {
		parent := (i - 1) / 2
		if !better(heap[parent], s) {
			break
		}
		heap[i] = heap[parent]
		i = parent
	}
	heap[i] = s
}

// down restores the heap after its root was replaced.
func down(heap []Scored) {
	i, s := 0, heap[0]
	for {
		child := 2*i + 1
		if child >= len(heap) {
			break
		}
		if right := child + 1; right < len(heap) && better(heap[child], heap[right]) {
			child = right
		}
		if !better(s, heap[child]) {
			break
		}
		heap[i] = heap[child]
		i = child
	}
	heap[i] = s
}
