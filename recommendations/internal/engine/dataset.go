package engine

import (
	"fmt"
	"math"
)

// Strength is how much a book of a reader's history counts, 0 to [Full].
type Strength = uint8

const (
	// Full is the strength of a book that the reader loves.
	Full Strength = 16
	// Liked is the lowest strength of a book that the reader likes. Weaker books
	// describe the reader's taste too, but they are not a reason to recommend
	// the book to others.
	Liked Strength = 8
)

// Dataset is the input of [Train].
type Dataset struct {
	// Items is the number of books, which are 0 to Items-1.
	Items int
	// Readers holds the books of each reader, in ascending order without
	// repeats. Train does not change it.
	Readers [][]int32
	// Strengths holds the strength of each book in Readers. Nil means Full for all.
	Strengths [][]Strength
	// Authors holds a number for the author of each book, from 0; negative
	// numbers mean that the author is unknown. Nil means that none is known.
	Authors []int32
}

const (
	// maxReaders keeps the count of a pair, in units of 1/Full², below 2³².
	maxReaders = math.MaxUint32 / (uint64(Full) * uint64(Full))
	// maxItems leaves room for the strength in a cell of 32 bits.
	maxItems = 1<<(32-strengthBits) - 1
)

// Validate returns an error if the sizes do not fit together, or that names the
// first reader whose books are out of range, out of order or repeated, or whose
// strengths are invalid.
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

// packed holds many lists of indexes with strengths, one after the other. A cell
// has the index and, in its lowest bits, the strength: training reads hundreds of
// millions of them, and one stream of memory is faster than two.
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

// byReader returns the books of each reader.
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

// transposed returns, for each of the n indexes, the lists that contain it.
func (p packed) transposed(n int) packed {
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

// sums returns, for each list, the number of strengths of at least Liked, and the
// sum of the squares of all strengths.
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
