package engine

// sparse is a square matrix of weights. Each row is contiguous in memory, which is
// fastest for ranking.
type sparse struct {
	start []int32 // row i is cells[start[i]:start[i+1]]
	cells []cell  // ascending by item within a row
}

type cell struct {
	item   int32 // the column
	weight float32
}

func (s sparse) row(i int32) []cell { return s.cells[s.start[i]:s.start[i+1]] }

// rowsOf copies a valid model. Row i is what item i adds to the scores of others.
func rowsOf(m Model) sparse {
	s := sparse{
		start: append([]int32(nil), m.RowStart...),
		cells: make([]cell, len(m.Targets)),
	}
	for k, j := range m.Targets {
		s.cells[k] = cell{item: j, weight: m.Weights[k]}
	}
	return s
}

// transposed returns the transpose: its row j is what others add to the score of
// item j.
func (s sparse) transposed() sparse {
	n := len(s.start) - 1
	t := sparse{start: make([]int32, n+1), cells: make([]cell, len(s.cells))}
	for _, c := range s.cells {
		t.start[c.item+1]++
	}
	for j := range n {
		t.start[j+1] += t.start[j]
	}
	next := append([]int32(nil), t.start[:n]...)
	for i := range n {
		for _, c := range s.row(int32(i)) {
			t.cells[next[c.item]] = cell{item: int32(i), weight: c.weight}
			next[c.item]++
		}
	}
	return t
}
