package engine

import (
	"fmt"
	"math"
)

// Dataset is what a model is trained from.
type Dataset struct {
	// Items is the number of books; they are 0 to Items-1.
	Items int
	// Readers holds, for each reader, the books he or she likes, in ascending
	// order and each once. Train does not change it.
	Readers [][]int32
}

// Validate finds the first reader whose books are out of range, out of order or
// repeated.
func (d Dataset) Validate() error {
	if d.Items < 0 || d.Items > math.MaxInt32 {
		return fmt.Errorf("number of items is %d, want 0 to %d", d.Items, math.MaxInt32)
	}
	if len(d.Readers) > math.MaxInt32 {
		return fmt.Errorf("%d readers, want at most %d", len(d.Readers), math.MaxInt32)
	}
	for r, items := range d.Readers {
		for k, i := range items {
			if i < 0 || int(i) >= d.Items {
				return fmt.Errorf("reader %d: item %d is out of range, want 0 to %d", r, i, d.Items-1)
			}
			if k > 0 && items[k-1] >= i {
				return fmt.Errorf("reader %d: item %d after item %d, want ascending order without repeats", r, i, items[k-1])
			}
		}
	}
	return nil
}

// audience is the data set the other way round: who likes a book.
type audience struct {
	start   []int // readers of item i are readers[start[i]:start[i+1]]
	readers []int32
}

func newAudience(d Dataset) audience {
	start := make([]int, d.Items+1)
	for _, items := range d.Readers {
		for _, i := range items {
			start[i+1]++
		}
	}
	for i := range d.Items {
		start[i+1] += start[i]
	}
	a := audience{start: start, readers: make([]int32, start[d.Items])}
	next := append([]int(nil), start[:d.Items]...)
	for r, items := range d.Readers {
		for _, i := range items {
			a.readers[next[i]] = int32(r)
			next[i]++
		}
	}
	return a
}

func (a audience) of(item int) []int32 { return a.readers[a.start[item]:a.start[item+1]] }

// counts gives the number of readers of each item.
func (a audience) counts() []int32 {
	c := make([]int32, len(a.start)-1)
	for i := range c {
		c[i] = int32(a.start[i+1] - a.start[i])
	}
	return c
}
