package engine

import (
	"context"
	"fmt"
	"math"
)

// chunkPairs is the most counts held at one time, of 4 bytes each: 128 MB. If the
// systems of all items do not fit, they are processed in chunks, each of which
// counts the rows it needs again.
const chunkPairs = 1 << 25

// Train trains a model on up to the given number of goroutines (less than 1 means
// 1), all of which have ended when it returns.
//
// For every item j with neighbours N it solves (S_NN + lambda·I) v = S_Nj and
// stores the weights B_ij = v_i·w_i/w_j. S_ab is w_a·w_b·G_ab, plus Params.Author
// if a and b have the same author, as if more readers liked all books of this
// author. Therefore even a book without readers is recommended, to readers of
// other books of its author.
//
// Errors: params or data are invalid, the model would have more than 2³¹-1
// weights, or Lambda is so small that a system has no solution in float64. When ctx
// ends, Train returns its error within milliseconds.
//
// Time: all pairs within each history are counted twice, which takes the sum of
// the squares of the lengths of the histories, and each item takes Neighbours³/6.
// The search for neighbours also reads a row of all items for each item, which is
// noticeable from 100,000 items on. Memory, in addition to the data set: 8 bytes
// per book of a reader, about 30·Neighbours bytes per item including the model,
// and at most 128 MB of counts. Memory does not grow with the square of the number
// of items.
func Train(ctx context.Context, data Dataset, params Params, workers int) (Model, error) {
	return train(ctx, data, params, workers, chunkPairs)
}

func train(ctx context.Context, data Dataset, params Params, workers, chunk int) (Model, error) {
	if err := params.Validate(); err != nil {
		return Model{}, fmt.Errorf("training parameters: %w", err)
	}
	if err := data.Validate(); err != nil {
		return Model{}, fmt.Errorf("training data: %w", err)
	}
	width := max(min(params.Neighbours, data.Items-1), 0)
	if int64(width)*int64(data.Items) > math.MaxInt32 {
		return Model{}, fmt.Errorf("training data: %d items of %d neighbours are more weights than the %d a model can hold",
			data.Items, width, math.MaxInt32)
	}
	t := newTrainer(data, params, width, workers)
	t.chooseNeighbours(ctx)
	pairs := max(width*(width-1)/2, 1) // pairs of one system
	step := max(chunk/pairs, 1)
	counts := make([]uint32, pairs*min(step, data.Items))
	for from := 0; from < data.Items; from += step {
		to := min(from+step, data.Items)
		t.countPairs(ctx, counts, from, to)
		if err := t.solve(ctx, counts, from, to); err != nil {
			return Model{}, err
		}
	}
	if err := ctx.Err(); err != nil {
		return Model{}, err
	}
	return t.model(), nil
}

// trainer is the state of one training. neighbours, joint and weights have width
// cells per item, of which the first degree cells are used.
type trainer struct {
	data    Dataset
	params  Params
	workers int
	width   int     // most neighbours of an item
	books   packed  // books of each reader
	readers packed  // readers of each item
	authors []int32 // author of each item; nil when authors do not count

	counts      []int32   // readers who like each item, c
	mass        []float64 // diagonal of G, the sum of the squares of strengths
	scale       []float64 // w of an item as a neighbour
	targetScale []float64 // w of an item as a target: only readers who like it count

	degree     []int32   // number of neighbours of each item
	neighbours []int32   // N of each item, the closest first
	joint      []uint32  // G_ij for i in N of item j
	weights    []float32 // B_ij for i in N of item j
}

func newTrainer(data Dataset, params Params, width, workers int) *trainer {
	t := &trainer{
		data: data, params: params, workers: workers, width: width,
		degree:     make([]int32, data.Items),
		neighbours: make([]int32, data.Items*width),
		joint:      make([]uint32, data.Items*width),
		weights:    make([]float32, data.Items*width),
	}
	t.books = data.byReader()
	t.readers = t.books.transposed(data.Items)
	if params.Author > 0 {
		t.authors = data.Authors
	}
	liked, squares := t.readers.sums()
	t.counts, t.mass = liked, atLeastOne(squares, unit)
	t.scale = scales(t.mass, params.Alpha)
	t.targetScale = scales(atLeastOne(liked, 1), params.Alpha)
	return t
}

// neighboursOf returns the neighbours of item j, the closest first.
func (t *trainer) neighboursOf(j int) []int32 {
	from := j * t.width
	return t.neighbours[from : from+int(t.degree[j])]
}
