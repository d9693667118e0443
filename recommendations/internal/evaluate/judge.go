package evaluate

import (
	"fmt"
	"math"
)

// gains is the quality of one ranking.
type gains struct {
	recall20, recall50, ndcg100 float64
}

func (g *gains) add(other gains) {
	g.recall20 += other.recall20
	g.recall50 += other.recall50
	g.ndcg100 += other.ndcg100
}

// judge rates rankings, one at a time. Between rankings all marks are plain.
type judge struct {
	marks []mark // marks by item
}

type mark uint8

const (
	plain mark = iota
	known      // the reader has it
	target
	ranked       // already in the ranking
	rankedTarget // already in the ranking, and a target
)

func newJudge(items int) *judge { return &judge{marks: make([]mark, items)} }

// rate rates a ranking against the targets of a case.
func (j *judge) rate(c Case, ranking []int32) (gains, error) {
	defer j.clear(c, ranking)
	for _, i := range c.FoldIn {
		j.marks[i] = known
	}
	for _, i := range c.Hidden {
		j.marks[i] = known
	}
	for _, i := range c.Targets {
		j.marks[i] = target
	}
	if len(ranking) > depth {
		return gains{}, fmt.Errorf("%d books, want at most %d", len(ranking), depth)
	}
	var hits20, hits50 int
	var gain float64
	for place, i := range ranking {
		if i < 0 || int(i) >= len(j.marks) {
			return gains{}, fmt.Errorf("item %d does not exist", i)
		}
		switch j.marks[i] {
		case known:
			return gains{}, fmt.Errorf("item %d is one that the reader has", i)
		case ranked, rankedTarget:
			return gains{}, fmt.Errorf("item %d appears twice", i)
		case plain:
			j.marks[i] = ranked
		case target:
			j.marks[i] = rankedTarget
			gain += discount(place)
			if place < 50 {
				hits50++
			}
			if place < 20 {
				hits20++
			}
		}
	}
	return gains{
		recall20: float64(hits20) / float64(min(20, len(c.Targets))),
		recall50: float64(hits50) / float64(min(50, len(c.Targets))),
		ndcg100:  gain / ideal(len(c.Targets)),
	}, nil
}

func (j *judge) clear(c Case, ranking []int32) {
	for _, items := range [][]int32{c.FoldIn, c.Hidden, c.Targets, ranking} {
		for _, i := range items {
			if i >= 0 && int(i) < len(j.marks) {
				j.marks[i] = plain
			}
		}
	}
}

// discount returns the gain of a target at a place, counted from 0.
func discount(place int) float64 { return 1 / math.Log2(float64(place)+2) }

// ideal returns the gain of a ranking that starts with all targets.
func ideal(targets int) float64 {
	sum := 0.0
	for place := range min(targets, depth) {
		sum += discount(place)
	}
	return sum
}
