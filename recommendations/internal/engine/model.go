package engine

import (
	"errors"
	"fmt"
	"math"
)

// weightStep is what all trained weights are multiples of. A sum of some
// thousands of them has no more digits than a float64 holds, so it is exact, and
// a score is the same to the last bit in whatever order the history comes.
// Weights are around 0.01 to 1; the rounding is far below their own error.
const weightStep = 1.0 / (1 << 30)

// Model is a trained model: for every item of a history, how much it adds to the
// score of other items. It is the weight matrix B in compressed sparse rows,
// and how many readers each item had in training.
//
// A Model is plain slices so that it can be stored and loaded as they are; one
// that was loaded is checked by [Model.Validate] before use. Treat it as
// read-only: copies share the slices.
type Model struct {
	// RowStart has one cell more than there are items: row i, what item i says
	// about others, is cells RowStart[i] to RowStart[i+1]-1 of the next two.
	RowStart []int32
	// Targets are the items that get a score, ascending within a row.
	Targets []int32
	// Weights are what they get, one for each target; some are negative. Train
	// makes them multiples of 2^-30.
	Weights []float32
	// Counts is the number of training readers of each item.
	Counts []int32
}

// Items is the number of items that the model knows.
func (m Model) Items() int { return len(m.Counts) }

// Row gives the items that item i adds to the score of, and how much. i must be
// 0 to Items()-1; the slices belong to the model.
func (m Model) Row(i int) (targets []int32, weights []float32) {
	from, to := m.RowStart[i], m.RowStart[i+1]
	return m.Targets[from:to], m.Weights[from:to]
}

// Validate checks that the slices fit together, so that a model from a damaged
// file is refused and cannot make a ranker fail later.
func (m Model) Validate() error {
	n := len(m.Counts)
	switch {
	case n > math.MaxInt32-1 || len(m.Targets) > math.MaxInt32:
		return errors.New("more cells than int32 can index")
	case len(m.RowStart) != n+1:
		return fmt.Errorf("%d row starts, want %d for %d items", len(m.RowStart), n+1, n)
	case len(m.Weights) != len(m.Targets):
		return fmt.Errorf("%d weights for %d targets", len(m.Weights), len(m.Targets))
	case m.RowStart[0] != 0 || int(m.RowStart[n]) != len(m.Targets):
		return fmt.Errorf("rows span cells %d to %d, want 0 to %d", m.RowStart[0], m.RowStart[n], len(m.Targets))
	}
	// First the starts alone: a start beyond the end must not be sliced by.
	for i := range n {
		if m.RowStart[i] > m.RowStart[i+1] {
			return fmt.Errorf("row %d ends before it starts", i)
		}
		if m.Counts[i] < 0 {
			return fmt.Errorf("item %d has a count of %d readers", i, m.Counts[i])
		}
	}
	for i := range n {
		if err := m.validateRow(i); err != nil {
			return fmt.Errorf("row %d: %w", i, err)
		}
	}
	return nil
}

func (m Model) validateRow(i int) error {
	targets, weights := m.Row(i)
	last := int32(-1)
	for k, j := range targets {
		switch {
		case j <= last:
			return fmt.Errorf("target %d after target %d, want ascending order without repeats", j, last)
		case int(j) >= len(m.Counts):
			return fmt.Errorf("target %d is out of range, want 0 to %d", j, len(m.Counts)-1)
		case int(j) == i:
			return errors.New("an item must not add to its own score")
		case !finite(weights[k]):
			return fmt.Errorf("the weight of target %d is %v", j, weights[k])
		}
		last = j
	}
	return nil
}

// model turns the weights, which training made target by target, into rows by
// item of the history. Targets are visited in order, so rows come out sorted.
func (t *trainer) model() Model {
	n := t.data.Items
	m := Model{RowStart: make([]int32, n+1), Counts: t.counts}
	for j := range n {
		for _, i := range t.neighboursOf(j) {
			m.RowStart[i+1]++
		}
	}
	for i := range n {
		m.RowStart[i+1] += m.RowStart[i]
	}
	m.Targets = make([]int32, m.RowStart[n])
	m.Weights = make([]float32, m.RowStart[n])
	next := append([]int32(nil), m.RowStart[:n]...)
	for j := range n {
		for p, i := range t.neighboursOf(j) {
			m.Targets[next[i]] = int32(j)
			m.Weights[next[i]] = t.weights[j*t.width+p]
			next[i]++
		}
	}
	return m
}
