package evaluate

import "slices"

// CategoryPopularity recommends the most popular books of the reader's categories.
// The score of a book is its popularity times the share of the reader's books that
// have its category, or the mean of these shares if it has several categories.
// categories holds those of each item, from 0.
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

// InCategory returns the split with only the targets in a category, and only the
// readers who have any, to measure shelves of that category. The fold-in is
// unchanged.
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

// PopularityByCategory returns, for each category, a ranker of the most popular
// books of the category.
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
