package engine

import (
	"fmt"
	"math"
)

// Params are the settings of [Train].
type Params struct {
	// Neighbours, 1 to 1000, is the most books that one book is predicted
	// from: those most similar to it by cosine. Training time grows with its
	// cube.
	Neighbours int `json:"neighbours"`
	// Alpha, 0 to 1, is how much popular books are scaled down before the
	// regression: 0 is not at all, 1 is to unit length.
	Alpha float64 `json:"alpha"`
	// Lambda, above 0, is the ridge: how strongly weights are shrunk towards
	// zero. Its unit is readers^(1-Alpha), so it must be tuned with Alpha.
	Lambda float64 `json:"lambda"`
	// Author, 0 or more, is added to the similarity of two books of one author,
	// in the unit of Lambda.
	Author float64 `json:"author"`
}

// maxNeighbours limits one system, of maxNeighbours² float64 values, to 8 MB.
const maxNeighbours = 1000

// DefaultParams returns the settings that were best on held-out readers of
// goodbooks-10k. The optimum is flat: halving or doubling one of them costs about
// 1 %.
func DefaultParams() Params {
	return Params{Neighbours: 50, Alpha: 0.5, Lambda: 5, Author: 1.5}
}

// Validate returns an error that names the first setting out of range. The zero
// Params are invalid.
func (p Params) Validate() error {
	if p.Neighbours < 1 || p.Neighbours > maxNeighbours {
		return fmt.Errorf("neighbours is %d, want 1 to %d", p.Neighbours, maxNeighbours)
	}
	if !(p.Alpha >= 0 && p.Alpha <= 1) { // in this form it refuses NaN
		return fmt.Errorf("alpha is %v, want 0 to 1", p.Alpha)
	}
	if !(p.Lambda > 0) || math.IsInf(p.Lambda, 1) {
		return fmt.Errorf("lambda is %v, want a finite number above 0", p.Lambda)
	}
	if !(p.Author >= 0) || math.IsInf(p.Author, 1) {
		return fmt.Errorf("author is %v, want a finite number from 0", p.Author)
	}
	return nil
}

// Strengths maps a rating of 1 to 5 stars to the strength of the book.
type Strengths [5]Strength

// DefaultStrengths returns the strengths that were best together with
// DefaultParams. A book with 3 stars still tells what the reader chooses to read.
// Books with 1 or 2 stars did not help, neither with a small strength nor with a
// negative one.
func DefaultStrengths() Strengths { return Strengths{0, 0, 5, 13, Full} }

// Validate returns an error that names the first strength out of range.
func (s Strengths) Validate() error {
	for k, strength := range s {
		if strength > Full {
			return fmt.Errorf("strength of %d stars is %d, want 0 to %d", k+1, strength, Full)
		}
	}
	return nil
}

// Of returns the strength of a rating, or 0 if stars is not 1 to 5.
func (s Strengths) Of(stars int) Strength {
	if stars < 1 || stars > len(s) {
		return 0
	}
	return s[stars-1]
}

// Prior is the share of popularity in a score. For a reader who likes N books of
// the history, min(Cap, Scale/N) · popularity / highest popularity is added to the
// score of every book: with one book it decides most of the shelf, with a hundred
// almost nothing.
type Prior struct {
	Cap   float64 // the most it adds, in units of score; used when N is 0
	Scale float64 // how slowly it fades, in units of score · books
}

// minPrior ensures that the priors of two books with different popularity are
// still different after rounding. [Ranker.Rank] relies on that when it fills
// a shelf.
const minPrior = 1e-9

// DefaultPrior returns the prior that was best, or nearly so, for every length of
// history on two sets of book ratings.
func DefaultPrior() Prior {
	return Prior{Cap: 0.13, Scale: 1.8}
}

// Validate returns an error that names the first setting outside 1e-9 to 1e9. A
// prior of 1e-9 is practically none: popularity then only breaks ties.
func (p Prior) Validate() error {
	if !(p.Cap >= minPrior && p.Cap <= 1/minPrior) {
		return fmt.Errorf("prior cap is %v, want %v to %v", p.Cap, minPrior, 1/minPrior)
	}
	if !(p.Scale >= minPrior && p.Scale <= 1/minPrior) {
		return fmt.Errorf("prior scale is %v, want %v to %v", p.Scale, minPrior, 1/minPrior)
	}
	return nil
}

// factor returns the factor of popularity for a reader who likes n books.
func (p Prior) factor(n int) float64 {
	if n == 0 {
		return p.Cap
	}
	return min(p.Cap, p.Scale/float64(n))
}
