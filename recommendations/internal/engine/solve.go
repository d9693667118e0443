package engine

import (
	"context"
	"fmt"
	"math"
	"sync"
)

// solve computes the weights of the targets from ≤ j < to. counts holds their
// systems. Error: a system has no finite solution.
func (t *trainer) solve(ctx context.Context, counts []uint32, from, to int) error {
	var (
		mu     sync.Mutex
		failed = to // the lowest one, so that the error does not depend on timing
	)
	parallel(ctx, to-from, t.workers, func(targets indexes) {
		matrix := make([]float64, triangle(t.width+1))
		vector := make([]float64, t.width)
		for k := range targets {
			if !t.solveOne(from+k, t.system(counts, k), matrix, vector) {
				mu.Lock()
				failed = min(failed, from+k)
				mu.Unlock()
			}
		}
	})
	if failed < to {
		return fmt.Errorf("the weights of item %d have no solution in float64: lambda %v is too small for %d readers",
			failed, t.params.Lambda, t.counts[failed])
	}
	return nil
}

// solveOne computes B_ij for the neighbours i of item j and reports whether all
// are finite. matrix and vector are its working space.
func (t *trainer) solveOne(j int, pairs []uint32, matrix, vector []float64) bool {
	neighbours := t.neighboursOf(j)
	d, base := len(neighbours), j*t.width
	v := vector[:d]
	for p, i := range neighbours {
		row := matrix[triangle(p+1):][:p+1]
		for q, n := range neighbours[:p] {
			row[q] = t.scaled(t.scale[i]*t.scale[n], pairs[triangle(p)+q], int(i), int(n))
		}
		// The conversion prevents a fused multiply-add; see dot.
		row[p] = float64(t.scale[i]*t.scale[i]*t.mass[i]) + t.kinship(int(i), int(i)) + t.params.Lambda
		v[p] = t.scaled(t.scale[i]*t.targetScale[j], t.joint[base+p], int(i), j)
	}
	cholesky(matrix, d)
	substitute(matrix, v)
	for p, i := range neighbours {
		b := onGrid(v[p] * t.scale[i] / t.targetScale[j])
		if !finite(b) {
			return false
		}
		t.weights[base+p] = b
	}
	return true
}

// scaled returns a cell of S: a scaled count, plus Params.Author for two books of
// one author. count is in units of 1/Full².
func (t *trainer) scaled(scale float64, count uint32, i, j int) float64 {
	return float64(scale*(float64(count)/unit)) + t.kinship(i, j)
}

// kinship returns what is added to the similarity of two items: Params.Author if
// they are known to have the same author.
func (t *trainer) kinship(i, j int) float64 {
	if t.authors != nil && t.authors[i] >= 0 && t.authors[i] == t.authors[j] {
		return t.params.Author
	}
	return 0
}

// onGrid rounds a weight to a multiple of weightStep.
func onGrid(x float64) float32 {
	return float32(math.RoundToEven(x/weightStep) * weightStep)
}

func finite(x float32) bool {
	return !math.IsNaN(float64(x)) && !math.IsInf(float64(x), 0)
}

// cholesky factors a symmetric positive definite d×d matrix A into L·Lᵀ in
// place. a holds the lower triangle row by row: row p is the p+1 cells from
// p(p+1)/2 on. The diagonal of the result holds 1/L_pp, which substitute needs. If
// A is not positive definite because of rounding, the root of 0 or of a negative
// number makes the solution infinite or NaN.
func cholesky(a []float64, d int) {
	for p := range d {
		rp := a[triangle(p+1):][:p+1]
		for q := range p {
			rq := a[triangle(q+1):][:q+1]
			rp[q] = (rp[q] - dot(rp[:q], rq)) * rq[q]
		}
		rp[p] = 1 / math.Sqrt(rp[p]-dot(rp[:p], rp))
	}
}

// substitute solves L·Lᵀ·x = v in place. a is the result of cholesky.
func substitute(a, v []float64) {
	for p := range v {
		row := a[triangle(p+1):][:p+1]
		v[p] = (v[p] - dot(v[:p], row)) * row[p]
	}
	for p := len(v) - 1; p >= 0; p-- {
		row := a[triangle(p+1):][:p+1]
		v[p] *= row[p]
		for q := range p {
			v[q] -= float64(row[q] * v[p])
		}
	}
}

// dot returns the inner product of x and the first len(x) cells of y. It keeps
// four sums, so that additions do not wait for each other. The conversions forbid
// fused multiply-add, which only some processors have, so that a model has the
// same bytes on all of them.
func dot(x, y []float64) float64 {
	y = y[:len(x)]
	var s0, s1, s2, s3 float64
	for len(x) >= 4 {
		s0 += float64(x[0] * y[0])
		s1 += float64(x[1] * y[1])
		s2 += float64(x[2] * y[2])
		s3 += float64(x[3] * y[3])
		x, y = x[4:], y[4:]
	}
	for i := range x {
		s0 += float64(x[i] * y[i])
	}
	return (s0 + s1) + (s2 + s3)
}
