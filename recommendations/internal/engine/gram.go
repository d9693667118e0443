package engine

import (
	"context"
	"math"
)

// The Gram matrix G = XᵀX counts the readers of each pair of books; X holds the
// strength of each book for each reader. The whole matrix has n² cells, most of
// which training does not need. A row is cheap to count from the histories of the
// book's readers, in a buffer that fits the processor's cache. So rows are counted
// when they are needed, each twice: to choose the neighbours of a book, and to
// fill the systems in which it appears. Memory therefore grows with the number of
// books, not with its square.
//
// Counts are integers in units of 1/Full², so they are exact.

// unit is the count of one reader who has both books with full strength.
const unit = float64(Full) * float64(Full)

// countLiked sets row[i] to the sum of the strengths of item i over the readers
// who like the given item. The item itself counts fully for each of them, because
// it is what the model is to predict.
func (t *trainer) countLiked(row []uint32, item int) {
	clear(row)
	for _, c := range t.readers.list(item) {
		if r, strength := unpack(c); strength >= uint32(Liked) {
			t.countReader(row, r, uint32(Full))
		}
	}
}

// countRead sets row[i] to the sum, over all readers, of the product of the
// strengths of the given item and item i.
func (t *trainer) countRead(row []uint32, item int) {
	clear(row)
	for _, c := range t.readers.list(item) {
		r, strength := unpack(c)
		t.countReader(row, r, strength)
	}
}

func (t *trainer) countReader(row []uint32, r int32, factor uint32) {
	for _, c := range t.books.list(int(r)) {
		i, strength := unpack(c)
		row[i] += factor * strength
	}
}

// chooseNeighbours finds, for every item j, the items i with the largest cosine
// G_ij / sqrt(c_i·c_j), and keeps their counts. Params.Author is added for books
// of one author, as in the regression. Ties go to the lower index.
func (t *trainer) chooseNeighbours(ctx context.Context) {
	parallel(ctx, t.data.Items, t.workers, func(items indexes) {
		row := make([]uint32, t.data.Items)
		best := make([]float64, t.width)
		for j := range items {
			t.countLiked(row, j)
			line := t.neighbours[j*t.width : (j+1)*t.width]
			t.degree[j] = int32(t.nearest(line, best, row, j))
			for p, i := range t.neighboursOf(j) {
				t.joint[j*t.width+p] = row[i]
			}
		}
	})
}

// nearest writes the items most similar to item j to out, the closest first, and
// returns their number. There are fewer than len(out) if fewer items share a
// reader or the author with j. best is working space of the same length.
//
// It compares G²/c_i, which is the square of the cosine without the constant
// factor 1/c_j. Equal fractions round to the same float64, so equal cosines are
// exact ties, except for books of one author.
func (t *trainer) nearest(out []int32, best []float64, row []uint32, j int) int {
	n := 0
	floor := 0.0
	author := int32(-1)
	if t.authors != nil {
		author = t.authors[j]
	}
	for i, joint := range row {
		kin := author >= 0 && t.authors[i] == author
		if joint == 0 && !kin || i == j {
			continue
		}
		g := float64(joint) / unit
		if kin {
			g += t.params.Author / (t.scale[i] * t.targetScale[j])
		}
		key := g * g / t.mass[i]
		if key <= floor {
			continue
		}
		// Insertion keeps the list ordered by key. Items come in ascending
		// order, so of equal ones the lower stays first.
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

// scales returns the factors w = mass^(-alpha/2), which make popular books count
// less. If alpha is 0, 0.5 or 1 they are the same on all processors; otherwise
// their last bit may differ.
func scales(masses []float64, alpha float64) []float64 {
	w := make([]float64, len(masses))
	for i, m := range masses {
		w[i] = 1 / math.Sqrt(math.Pow(m, alpha))
	}
	return w
}

// atLeastOne converts counts to masses, for scales. An item without readers has
// the mass of one reader.
func atLeastOne[N int32 | uint64](counts []N, unit float64) []float64 {
	m := make([]float64, len(counts))
	for i, c := range counts {
		m[i] = max(float64(c)/unit, 1)
	}
	return m
}
