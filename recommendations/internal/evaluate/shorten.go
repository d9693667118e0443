package evaluate

import "slices"

// Shorten gives the split with at most n books of fold-in for each reader, the
// targets unchanged: how good is the recommender for readers it knows little of?
// Which books stay is as good as random, by hash of reader and book, so a
// shorter history is a part of a longer one. The books taken away stay out of
// the ranking, as they are not to be found.
func (s Split) Shorten(n int) Split {
	cases := make([]Case, len(s.Cases))
	for k, c := range s.Cases {
		items := slices.Concat(c.FoldIn, c.Hidden)
		slices.SortFunc(items, func(a, b int32) int {
			switch ha, hb := drawOf(c.Reader, a), drawOf(c.Reader, b); {
			case ha < hb:
				return -1
			case ha > hb:
				return 1
			}
			return int(a) - int(b)
		})
		n := min(max(n, 0), len(items))
		slices.Sort(items[:n])
		slices.Sort(items[n:])
		cases[k] = Case{Reader: c.Reader, FoldIn: items[:n], Hidden: items[n:], Targets: c.Targets}
	}
	s.Cases = cases
	return s
}

// drawOf spreads the hash of a pair over all bits: FNV-1a alone gives pairs that
// differ in their last digit nearly the same leading bits.
func drawOf(reader int64, item int32) uint64 {
	x := hashPair(reader, int64(item))
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
