package engine

import (
	"context"
	"math"
)

// The Gram matrix G = XᵀX counts how many readers like both of two books. All of
// it would take n² cells, most of which training never looks at. Its rows are
// cheap to count from the histories of a book's readers, in a buffer that stays
// in the processor's cache, so they are counted when needed, twice in all: once
// to choose the neighbours of a book, once to fill the systems it appears in.
// Memory thus grows with the number of books and not with its square.

//
// A book counts in X as its strength for the reader. Counts are whole numbers of
// 1/Full², so they are exact.

// unit is 1 in counts of pairs.
const unit = float64(Full) * float64(Full)

// countLiked sets row[i] to how strongly item i counts for the readers who like
// the given item, whole for each of them: what they like is to follow from i.
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

// chooseNeighbours finds, for every item j, the items with the largest cosine
// G_ij / sqrt(c_i·c_j), where books of one author get Params.Author on top as they
// do in the regression, ties to the lower index, and keeps their counts.
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

// nearest writes to out the len(out) items most similar to item j, the closest
// first, or fewer if fewer share a reader or the author with it, and returns how
// many. best is its working space.
//
// It compares G²/c_i, the square of the cosine less the constant 1/c_j. Two
// equal fractions round to the same float64, so equal cosines are exact ties, but
// for books of one author.
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

// sameAuthor reports whether two items are known to be of one author and that is
// to count.
func (t *trainer) sameAuthor(i, j int) bool {
	return t.authors != nil && t.authors[i] >= 0 && t.authors[i] == t.authors[j]
}

// scales are the weights w = mass^(-alpha/2) that make popular books count less.
// For an alpha of 0, 0.5 or 1 the power is exact or a root; of others, its last
// bit may differ between processors.
func scales(masses []float64, alpha float64) []float64 {
	w := make([]float64, len(masses))
	for i, m := range masses {
		w[i] = 1 / math.Sqrt(math.Pow(m, alpha))
	}
	return w
}

// atLeastOne turns counts into masses, for scales. Items without readers have
// the mass of one.
func atLeastOne[N int32 | uint64](counts []N, unit float64) []float64 {
	m := make([]float64, len(counts))
	for i, c := range counts {
		m[i] = max(float64(c)/unit, 1)
	}
	return m
}
