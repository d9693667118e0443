package engine

import (
	"errors"
	"fmt"
	"math"
)

// weightStep divides all trained weights. A float64 holds the sum of some
// thousands of such weights exactly, so a score has the same bits whatever the
// order of the history. Weights are about 0.01 to 1, so rounding them changes much
// less than their own error.
const weightStep = 1.0 / (1 << 30)

// Model is a trained model: the weight matrix B, which says how much each item of
// a history adds to the score of other items, in compressed sparse rows, and the
// number of readers who like each item.
//
// It consists of plain slices, so that it can be stored and loaded. Check a loaded
// model with [Model.Validate] before use. Treat a model as read-only: copies share
// the slices.
type Model struct {
	// RowStart has one element more than there are items. Row i, the weights of
	// item i for others, is elements RowStart[i] to RowStart[i+1]-1 of Targets
	// and Weights.
	RowStart []int32
	// Targets holds the items to whose scores the weights are added, ascending
	// within a row.
	Targets []int32
	// Weights holds the weight for each target. Some are negative. Train makes
	// them multiples of 2^-30.
	Weights []float32
	// Counts holds, for each item, the number of training readers who like it.
	Counts []int32
}

// Items returns the number of items of the model.
func (m Model) Items() int { return len(m.Counts) }

// Row returns the items to whose scores item i adds, and how much it adds. i must
// be 0 to Items()-1. The caller must not change the slices.
func (m Model) Row(i int) (targets []int32, weights []float32) {
	from, to := m.RowStart[i], m.RowStart[i+1]
	return m.Targets[from:to], m.Weights[from:to]
}

// Validate checks that the slices are consistent, so that a model from a damaged
// file is refused and cannot make a ranker panic.
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
	// Check all starts before the rows: a start beyond the end would panic there.
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

// model converts the weights, which are by target, to rows by item of the history.
// It visits the targets in order, so each row is sorted.
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
