package engine

import (
	"fmt"
	"math"
)

// Strength is how much a book of a reader counts for what follows from it, 0 to
// [Full].
type Strength = uint8

const (
	// Full is the strength of a book that the reader loves.
	Full Strength = 16
	// Liked is the lowest strength of a book that the reader likes. Weaker ones,
	// read without pleasure, say something of the reader, but they are not what
	// to recommend to others like him or her.
	Liked Strength = 8
)

// Dataset is what a model is trained from.
type Dataset struct {
	// Items is the number of books; they are 0 to Items-1.
	Items int
	// Readers holds, for each reader, the books he or she has read, in ascending
	// order and each once. Train does not change it.
	Readers [][]int32
	// Strengths holds the strengths of the same books. Nil means Full for all.
	Strengths [][]Strength
	// Authors tells books of one author: those with the same number, from 0. A
	// negative number is an unknown author. Nil means that none is known.
	Authors []int32
}

const (
	// maxReaders keeps the count of a pair, in units of 1/Full², within 32 bits.
	maxReaders = math.MaxUint32 / (uint64(Full) * uint64(Full))
	// maxItems leaves room for a strength in 32 bits.
	maxItems = 1<<(32-strengthBits) - 1
)

// Validate finds the first reader whose books are out of range, out of order or
// repeated, or have no valid strengths.
func (d Dataset) Validate() error {
	if d.Items < 0 || d.Items > maxItems {
		return fmt.Errorf("number of items is %d, want 0 to %d", d.Items, maxItems)
	}
	if uint64(len(d.Readers)) > maxReaders {
		return fmt.Errorf("%d readers, want at most %d", len(d.Readers), maxReaders)
	}
	if d.Strengths != nil && len(d.Strengths) != len(d.Readers) {
		return fmt.Errorf("strengths of %d readers, want %d or none", len(d.Strengths), len(d.Readers))
	}
	if d.Authors != nil && len(d.Authors) != d.Items {
		return fmt.Errorf("authors of %d items, want %d or none", len(d.Authors), d.Items)
	}
	for r := range d.Readers {
		if err := d.validateReader(r); err != nil {
			return fmt.Errorf("reader %d: %w", r, err)
		}
	}
	return nil
}

func (d Dataset) validateReader(r int) error {
	items := d.Readers[r]
	for k, i := range items {
		if i < 0 || int(i) >= d.Items {
			return fmt.Errorf("item %d is out of range, want 0 to %d", i, d.Items-1)
		}
		if k > 0 && items[k-1] >= i {
			return fmt.Errorf("item %d after item %d, want ascending order without repeats", i, items[k-1])
		}
	}
	if d.Strengths == nil {
		return nil
	}
	if len(d.Strengths[r]) != len(items) {
		return fmt.Errorf("%d strengths for %d items", len(d.Strengths[r]), len(items))
	}
	for k, strength := range d.Strengths[r] {
		if strength > Full {
			return fmt.Errorf("strength of item %d is %d, want 0 to %d", items[k], strength, Full)
		}
	}
	return nil
}

// packed is lists of what has a strength, one behind the other. A cell is an index
// and, in its lowest bits, the strength: training reads them by the hundred
// million, and one stream of memory is faster than two.
type packed struct {
	start []int // list i is cells[start[i]:start[i+1]]
	cells []uint32
}

const strengthBits = 5

func pack(index int32, strength Strength) uint32 {
	return uint32(index)<<strengthBits | uint32(strength)
}

func unpack(cell uint32) (index int32, strength uint32) {
	return int32(cell >> strengthBits), cell & (1<<strengthBits - 1)
}

func (p packed) list(i int) []uint32 { return p.cells[p.start[i]:p.start[i+1]] }

// byReader gives what each reader has read.
func (d Dataset) byReader() packed {
	p := packed{start: make([]int, len(d.Readers)+1)}
	for r, items := range d.Readers {
		p.start[r+1] = p.start[r] + len(items)
	}
	p.cells = make([]uint32, 0, p.start[len(d.Readers)])
	for r, items := range d.Readers {
		for k, i := range items {
			strength := Full
			if d.Strengths != nil {
				strength = d.Strengths[r][k]
			}
			p.cells = append(p.cells, pack(i, strength))
		}
	}
	return p
}

// turned is the same the other way round: from lists of the lists' items, of which
// there are n.
func (p packed) turned(n int) packed {
	t := packed{start: make([]int, n+1), cells: make([]uint32, len(p.cells))}
	for _, c := range p.cells {
		i, _ := unpack(c)
		t.start[i+1]++
	}
	for i := range n {
		t.start[i+1] += t.start[i]
	}
	next := append([]int(nil), t.start[:n]...)
	for r := range len(p.start) - 1 {
		for _, c := range p.list(r) {
			i, strength := unpack(c)
			t.cells[next[i]] = pack(int32(r), Strength(strength))
			next[i]++
		}
	}
	return t
}

// sums gives, of each list, how many of its strengths say liked, and the sum of
// the squares of all.
func (p packed) sums() (liked []int32, squares []uint64) {
	n := len(p.start) - 1
	liked, squares = make([]int32, n), make([]uint64, n)
	for i := range n {
		for _, c := range p.list(i) {
			_, s := unpack(c)
			squares[i] += uint64(s) * uint64(s)
			if s >= uint32(Liked) {
				liked[i]++
			}
		}
	}
	return liked, squares
}
