package command

import (
	"context"
	"errors"
	"fmt"

	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/evaluate"
	"bookstall/recommendations/internal/recommender"
)

// stepNames are the steps of the control of variety, as the API names them.
func stepNames() map[recommender.Step]string {
	return map[recommender.Step]string{recommender.Close: "close", recommender.Balanced: "balanced", recommender.Far: "far"}
}

// variety measures shelves by their rules: each number of books by one author with each number of
// books from outside. The first is the shelf by score.
func (m *measuring) variety(ctx context.Context) ([]evaluate.Shelf, error) {
	by := evaluate.Described{
		Authors: m.authors, Main: make([]int, m.split.Items),
		History: func(c evaluate.Case) []int32 {
			items, _ := m.settings.opinions(c.Rated)
			return append(items, c.Hidden...)
		},
	}
	for i := range by.Main {
		by.Main[i] = -1
		if len(m.categories[i]) > 0 {
			by.Main[i] = m.categories[i][0]
		}
	}
	var list []evaluate.Shelf
	for _, outside := range []int{0, 1, 2, 4} {
		for _, perAuthor := range []int{0, 3, 2, 1} {
			m.progress(fmt.Sprintf("measuring shelves with %d by one author and %d from outside", perAuthor, outside))
			rules := engine.Variety{PerAuthor: perAuthor, Outside: outside}
			shelf, err := evaluate.MeasureShelf(m.split, untilDone(ctx, m.settings.rankVaried(m.ranker, rules)), by)
			if err := errors.Join(err, ctx.Err()); err != nil {
				return nil, fmt.Errorf("shelves: %w", err)
			}
			shelf.PerAuthor, shelf.Outside = perAuthor, outside
			for step, name := range stepNames() {
				if asked := step.Rules(); asked.PerAuthor == perAuthor && asked.Outside == outside {
					shelf.Step = name
				}
			}
			list = append(list, shelf)
			if first := list[0].NDCG10; first > 0 {
				list[len(list)-1].Change = shelf.NDCG10/first - 1
			}
		}
	}
	return list, nil
}
