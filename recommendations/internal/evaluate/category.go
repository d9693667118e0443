package evaluate

import "slices"

// CategoryPopularity recommends the most popular books of the categories that a
// reader's books are of: the score of a book is its popularity times the share
// of the reader's books that have its category, the mean of them if it has
// several. categories lists those of each item.
func CategoryPopularity(s Split, categories [][]int) Ranker {
	popularity, order := s.popularity(), s.byPopularity()
	number := 0
	for _, list := range categories {
		for _, c := range list {
			number = max(number, c+1)
		}
	}
	mix := make([]float64, number)
	score := make([]float64, s.Items)
	return func(dst, foldIn, hidden []int32, k int) []int32 {
		clear(mix)
		for _, i := range foldIn {
			for _, c := range categories[i] {
				mix[c]++
			}
		}
		for i := range score {
			share := 0.0
			for _, c := range categories[i] {
				share += mix[c]
			}
			score[i] = float64(popularity[i]) * share / float64(max(len(categories[i]), 1))
		}
		return appendBest(dst, order, score, foldIn, hidden, k)
	}
}

// InCategory keeps the targets that are in a category and the readers who have
// any: how good is a shelf of this category? What the ranker is told of
// the readers stays whole.
func (s Split) InCategory(categories [][]int, category int) Split {
	var cases []Case
	for _, c := range s.Cases {
		targets := slices.DeleteFunc(slices.Clone(c.Targets), func(i int32) bool {
			return !slices.Contains(categories[i], category)
		})
		if len(targets) > 0 {
			c.Targets = targets
			cases = append(cases, c)
		}
	}
	s.Cases = cases
	return s
}

// PopularityByCategory is [Popularity] among the books of one category, for each
// category.
func PopularityByCategory(s Split, categories [][]int) []Ranker {
	var members [][]int32
	for _, i := range s.byPopularity() {
		for _, c := range categories[i] {
			for len(members) <= c {
				members = append(members, nil)
			}
			members[c] = append(members[c], i)
		}
	}
	rankers := make([]Ranker, len(members))
	for c, order := range members {
		rankers[c] = inOrder(order)
	}
	return rankers
}
