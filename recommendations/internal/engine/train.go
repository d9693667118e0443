package engine

import (
	"context"
	"fmt"
	"math"
)

// chunkPairs bounds the counts held at one time while systems are filled, 4
// bytes each: 128 MB. More items than fit are trained in several goes, each of
// which counts the rows it needs again.
const chunkPairs = 1 << 25

// Train makes a model from what readers like, on up to the given number of
// goroutines (fewer than 1 counts as 1). It returns when all of them have ended.
//
// For every item j with neighbours N it solves (S_NN + lambda·I) v = S_Nj and
// stores the weights B_ij = v_i·w_i/w_j. S_ab is w_a·w_b·G_ab, and Params.Author
// more where a and b are of one author: as if some readers more liked all that
// this author wrote. So a book that nobody has read yet follows from others of
// its author.
//
// Time is two counts of all pairs within each history, the sum of the squares of
// their lengths, plus Neighbours³/6 for each item. Memory beyond the data set is
// 8 bytes for each book of a reader, about 30·Neighbours for each item, model included,
// and at most 128 MB of counts. Nothing grows with the square of the number of
// items; of time, the search for neighbours does, as it passes over a row of all
// items for each, which shows from 100,000 items on.
func Train(data Dataset, params Params, workers int) (Model, error) {
	return train(context.Background(), data, params, workers, chunkPairs)
}

// TrainContext is [Train] that gives up within milliseconds when ctx ends, with the
// context's error.
func TrainContext(ctx context.Context, data Dataset, params Params, workers int) (Model, error) {
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
	pairs := max(width*(width-1)/2, 1) // of one system
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

// trainer holds the state of one training. Arrays of one line per item have
// width cells a line, of which the item's degree are in use.
type trainer struct {
	data    Dataset
	params  Params
	workers int
	width   int     // neighbours an item can have
	books   packed  // of each reader
	readers packed  // of each item
	authors []int32 // nil where they do not count

	counts      []int32   // readers who like each item, c
	mass        []float64 // diagonal of G, the sum of the squares of strengths
	scale       []float64 // w of items that others follow from
	targetScale []float64 // w of items that follow: only readers who like them count

	degree     []int32   // neighbours each item has
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
	t.readers = t.books.turned(data.Items)
	if params.Author > 0 {
		t.authors = data.Authors
	}
	liked, squares := t.readers.sums()
	t.counts, t.mass = liked, atLeastOne(squares, unit)
	t.scale = scales(t.mass, params.Alpha)
	t.targetScale = scales(atLeastOne(liked, 1), params.Alpha)
	return t
}

// neighboursOf gives the neighbours of item j, the closest first.
func (t *trainer) neighboursOf(j int) []int32 {
	from := j * t.width
	return t.neighbours[from : from+int(t.degree[j])]
}
