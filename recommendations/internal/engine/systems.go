package engine

import "context"

// The systems of a chunk of target items are in one array of counts: for one
// target after the other, the strict lower triangle of G_NN, row by row.

// role says that an item is the neighbour number place of the target.
type role struct {
	target int32
	place  int32
}

// roles returns the systems of the targets from ≤ j < to in which each item
// appears: those of item i are list[start[i]:start[i+1]]. Every pair of a system
// is counted from its later neighbour, so place 0 is left out.
func (t *trainer) roles(from, to int) (start []int, list []role) {
	start = make([]int, t.data.Items+1)
	for j := from; j < to; j++ {
		for p, i := range t.neighboursOf(j) {
			if p > 0 {
				start[i+1]++
			}
		}
	}
	for i := range t.data.Items {
		start[i+1] += start[i]
	}
	list = make([]role, start[t.data.Items])
	next := append([]int(nil), start[:t.data.Items]...)
	for j := from; j < to; j++ {
		for p, i := range t.neighboursOf(j) {
			if p > 0 {
				list[next[i]] = role{target: int32(j), place: int32(p)}
				next[i]++
			}
		}
	}
	return start, list
}

// countPairs fills counts with the systems of the targets from ≤ j < to. Only the
// worker of the later item of a pair writes the pair's cell, so workers need no
// lock.
func (t *trainer) countPairs(ctx context.Context, counts []uint32, from, to int) {
	start, list := t.roles(from, to)
	parallel(ctx, t.data.Items, t.workers, func(items indexes) {
		row := make([]uint32, t.data.Items)
		for i := range items {
			roles := list[start[i]:start[i+1]]
			if len(roles) == 0 {
				continue
			}
			t.countRead(row, i)
			for _, r := range roles {
				neighbours := t.neighboursOf(int(r.target))[:r.place]
				cells := t.system(counts, int(r.target)-from)[triangle(int(r.place)):]
				for q, n := range neighbours {
					cells[q] = row[n]
				}
			}
		}
	})
}

// system returns the part of counts that belongs to target number k of the chunk.
func (t *trainer) system(counts []uint32, k int) []uint32 {
	size := triangle(t.width)
	return counts[k*size : (k+1)*size]
}

// triangle returns the number of cells in the first n rows of a strict lower
// triangle.
func triangle(n int) int { return n * (n - 1) / 2 }
