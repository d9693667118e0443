package engine

import "math"

// The Gram matrix G = XᵀX counts how many readers like both of two books. All of
// it would take n² cells, most of which training never looks at. Its rows are
// cheap to count from the histories of a book's readers, in a buffer that stays
// in the processor's cache, so they are counted when needed, twice in all: once
// to choose the neighbours of a book, once to fill the systems it appears in.
// Memory thus grows with the number of books and not with its square.

// countRow sets row[i] to the number of readers who like both the given item and
// item i. The item's own cell holds the number of its readers.
func (t *trainer) countRow(row []uint32, item int) {
	clear(row)
	for _, r := range t.audience.of(item) {
		for _, i := range t.data.Readers[r] {
			row[i]++
		}
	}
}

// chooseNeighbours finds, for every item j, the items with the largest cosine
// G_ij / sqrt(c_i·c_j), ties to the lower index, and keeps their counts.
func (t *trainer) chooseNeighbours() {
	parallel(t.data.Items, t.workers, func(items indexes) {
		row := make([]uint32, t.data.Items)
		best := make([]float64, t.width)
		for j := range items {
			t.countRow(row, j)
			line := t.neighbours[j*t.width : (j+1)*t.width]
			t.degree[j] = int32(nearest(line, best, row, t.counts, j))
			for p, i := range t.neighboursOf(j) {
				t.joint[j*t.width+p] = row[i]
			}
		}
	})
}

// nearest writes to out the len(out) items most similar to item j, the closest
// first, or fewer if fewer share a reader with it, and returns how many. best is
// its working space.
//
// It compares G²/c_i, the square of the cosine less the constant 1/c_j. Two
// equal fractions round to the same float64, so equal cosines are exact ties.
func nearest(out []int32, best []float64, row []uint32, counts []int32, j int) int {
	n := 0
	floor := 0.0
	for i, g := range row {
		if g == 0 || i == j {
			continue
		}
		key := float64(g) * float64(g) / float64(counts[i])
		if key <= floor {
			continue
		}
		// Insertion keeps the list by key; items come in ascending order, so
		// an equal one that came before stays before.
		if n < len(out) {
			n++
		}
		p := n - 1
		for ; p > 0 && best[p-1] < key; p-- {
			best[p], out[p] = best[p-1], out[p-1]
		}
		best[p], out[p] = key, int32(i)
		if n == len(out) {
			floor = best[n-1]
		}
	}
	return n
}

// scales are the weights w_i = c_i^(-alpha/2) that make popular books count
// less. Items without readers are never neighbours; theirs is not used. For an
// alpha of 0, 0.5 or 1 the power is exact or a root; of others, its last bit may
// differ between processors.
func scales(counts []int32, alpha float64) []float64 {
	w := make([]float64, len(counts))
	for i, c := range counts {
		w[i] = 1 / math.Sqrt(math.Pow(max(float64(c), 1), alpha))
	}
	return w
}
