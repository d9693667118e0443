package engine

import (
	"fmt"
	"math"
)

// Params are the settings of [Train].
type Params struct {
	// Neighbours is how many books each book is predicted from, at most: the
	// ones most similar to it by cosine. 1 to 1000. Training time grows with
	// its cube.
	Neighbours int `json:"neighbours"`
	// Alpha, 0 to 1, is how far popular books are scaled down before the
	// regression: 0 not at all, 1 to unit length.
	Alpha float64 `json:"alpha"`
	// Lambda, above 0, is the ridge: how strongly weights are pulled to zero.
	// It counts in units of readers^(1-Alpha), so it belongs to its Alpha.
	Lambda float64 `json:"lambda"`
	// Author, 0 or more, is how much books of one author have in common beyond
	// their readers, in the units of Lambda.
	Author float64 `json:"author"`
}

// maxNeighbours keeps one system (its square, in float64) within 8 MB.
const maxNeighbours = 1000

// DefaultParams are the settings that were best on held-out readers of
// goodbooks-10k. The optimum is flat: half or double of one costs 1 % or so.
func DefaultParams() Params {
	return Params{Neighbours: 50, Alpha: 0.5, Lambda: 5, Author: 1.5}
}

// Validate says which setting is out of its range. The zero Params are invalid.
func (p Params) Validate() error {
	if p.Neighbours < 1 || p.Neighbours > maxNeighbours {
		return fmt.Errorf("neighbours is %d, want 1 to %d", p.Neighbours, maxNeighbours)
	}
	if !(p.Alpha >= 0 && p.Alpha <= 1) { // written so that NaN is refused
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

// Strengths is what stars say: how much a book counts by its rating of 1 to 5.
type Strengths [5]Strength

// DefaultStrengths were best together with DefaultParams. A book that the reader
// did not mind still tells what he or she chooses to read; those with 1 or 2
// stars made no difference, neither as a little of the same nor as the opposite.
func DefaultStrengths() Strengths { return Strengths{0, 0, 5, 13, Full} }

// Validate says which strength is out of its range.
func (s Strengths) Validate() error {
	for k, strength := range s {
		if strength > Full {
			return fmt.Errorf("strength of %d stars is %d, want 0 to %d", k+1, strength, Full)
		}
	}
	return nil
}

// Of gives the strength of a rating, 0 for one that does not exist.
func (s Strengths) Of(stars int) Strength {
	if stars < 1 || stars > len(s) {
		return 0
	}
	return s[stars-1]
}

// Prior is the share of popularity in a score. A reader with a history of N
// books has min(Cap, Scale/N) · popularity / highest popularity added to the
// score of every book: most of the shelf for one book, next to nothing for a
// hundred.
type Prior struct {
	Cap   float64 // the most it adds, in units of score; readers without a history get this
	Scale float64 // how slowly it fades, in units of score · books
}

// minPrior keeps the prior of two books with different popularity apart after
// rounding; the exact fill of a shelf relies on that.
const minPrior = 1e-9

// DefaultPrior is best or near it for every length of history on two sets of
// book ratings.
func DefaultPrior() Prior {
	return Prior{Cap: 0.13, Scale: 1.8}
}

// Validate says which setting is out of its range, 1e-9 to 1e9. A prior of 1e-9
// is as good as none: popularity then decides between equal scores alone.
func (p Prior) Validate() error {
	if !(p.Cap >= minPrior && p.Cap <= 1/minPrior) {
		return fmt.Errorf("prior cap is %v, want %v to %v", p.Cap, minPrior, 1/minPrior)
	}
	if !(p.Scale >= minPrior && p.Scale <= 1/minPrior) {
		return fmt.Errorf("prior scale is %v, want %v to %v", p.Scale, minPrior, 1/minPrior)
	}
	return nil
}

// factor is what popularity is multiplied by for a history of n books.
func (p Prior) factor(n int) float64 {
	if n == 0 {
		return p.Cap
	}
	return min(p.Cap, p.Scale/float64(n))
}
