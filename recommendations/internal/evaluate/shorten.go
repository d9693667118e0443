package evaluate

import (
	"cmp"
	"slices"
)

// Shorten returns the split with at most n books of fold-in for each reader and the
// same targets, to measure a ranker on short histories. A hash of reader and
// book decides which books stay, so that a shorter history is a part of a longer
// one. The books removed become Hidden, so that a ranking must not contain them. The
// same share of the books below 4 stars is kept, rounded down.
func (s Split) Shorten(n int) Split {
	cases := make([]Case, len(s.Cases))
	for k, c := range s.Cases {
		items := c.drawn(c.FoldIn)
		keep := min(max(n, 0), len(items))
		var other []int32
		for _, r := range c.Rated {
			if !has(c.FoldIn, r.Item) {
				other = append(other, r.Item)
			}
		}
		other = c.drawn(other)[len(other)*keep/max(len(items), 1):] // those to remove
		slices.Sort(other)
		hidden := slices.Concat(items[keep:], c.Hidden)
		slices.Sort(hidden)
		slices.Sort(items[:keep])
		cases[k] = Case{
			Reader: c.Reader, FoldIn: items[:keep], Hidden: hidden, Targets: c.Targets,
			Rated: without(without(c.Rated, hidden), other),
		}
	}
	s.Cases = cases
	return s
}

// drawn returns the items in a pseudo-random order.
func (c Case) drawn(items []int32) []int32 {
	items = slices.Clone(items)
	slices.SortFunc(items, func(a, b int32) int {
		return cmp.Or(cmp.Compare(drawOf(c.Reader, a), drawOf(c.Reader, b)), cmp.Compare(a, b))
	})
	return items
}

// drawOf mixes the hash of a pair over all bits: FNV-1a alone gives almost the same
// leading bits to pairs that differ only in their last digit.
func drawOf(reader int64, item int32) uint64 {
	x := hashPair(reader, int64(item))
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
