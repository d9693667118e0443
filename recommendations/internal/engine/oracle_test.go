package engine_test

import (
	"cmp"
	"slices"

	"bookstall/recommendations/internal/engine"
)

// oracle ranks by the definition, without optimisation: it scores every book and
// sorts them all.
type oracle struct {
	engine.Config
}

func (o oracle) popularity(j int32) float64 {
	at := func(i int) float64 {
		if o.Popularity != nil {
			return float64(o.Popularity[i])
		}
		return float64(o.Model.Counts[i])
	}
	highest := 1.0
	for i := range o.Model.Items() {
		highest = max(highest, at(i))
	}
	return at(int(j)) / highest
}

func (o oracle) weight(i, j int32) float32 {
	targets, weights := o.Model.Row(int(i))
	if k := slices.Index(targets, j); k >= 0 {
		return weights[k]
	}
	return 0
}

func (o oracle) in(j int32, category int) bool {
	return category == engine.AnyCategory || o.Categories != nil && slices.Contains(o.Categories[j], category)
}

// valid returns the items that exist, ascending and without repeats.
func (o oracle) valid(items []int32) []int32 {
	items = slices.DeleteFunc(slices.Clone(items), func(i int32) bool {
		return i < 0 || int(i) >= o.Model.Items()
	})
	slices.Sort(items)
	return slices.Compact(items)
}

func (o oracle) rank(q engine.Query) []engine.Scored {
	exclude := o.valid(q.Exclude)
	strength := map[int32]engine.Strength{}
	likes := 0
	for k, i := range q.History {
		st := engine.Full
		if k < len(q.Strengths) {
			st = min(st, q.Strengths[k])
		}
		if st > 0 && strength[i] == 0 && len(o.valid([]int32{i})) > 0 {
			strength[i] = st
			if st >= engine.Liked {
				likes++
				exclude = append(exclude, i)
			}
		}
	}
	factor := o.Prior.Cap
	if likes > 0 {
		factor = min(factor, o.Prior.Scale/float64(likes))
	}
	var all []engine.Scored
	for j := range int32(o.Model.Items()) {
		if slices.Contains(exclude, j) || !o.in(j, q.Category) {
			continue
		}
		s := engine.Scored{Item: j, Because: engine.NoReason}
		most := 0.0
		for i := range int32(o.Model.Items()) {
			adds := float64(o.weight(i, j)) * float64(strength[i]) / float64(engine.Full)
			s.Score += adds
			if adds > most && strength[i] >= engine.Liked {
				s.Because, most = i, adds
			}
		}
		s.Score += float64(factor * o.popularity(j))
		all = append(all, s)
	}
	slices.SortFunc(all, order)
	return first(all, q.K)
}

func (o oracle) similar(item int32, k int) []engine.Scored {
	if item < 0 || int(item) >= o.Model.Items() {
		return nil
	}
	main := -1
	if o.Categories != nil && len(o.Categories[item]) > 0 {
		main = o.Categories[item][0]
	}
	var near, same, rest []engine.Scored
	for j := range int32(o.Model.Items()) {
		s := engine.Scored{Item: j, Because: engine.NoReason, Score: o.popularity(j)}
		closeness := float64(o.weight(item, j)) + float64(o.weight(j, item))
		switch {
		case j == item:
		case closeness > 0:
			near = append(near, engine.Scored{Item: j, Because: item, Score: closeness})
		case main >= 0 && o.in(j, main):
			same = append(same, s)
		default:
			rest = append(rest, s)
		}
	}
	var all []engine.Scored
	for tier, list := range [][]engine.Scored{near, same, rest} {
		slices.SortFunc(list, order)
		for _, s := range list {
			if tier > 0 {
				s.Score = 0
			}
			all = append(all, s)
		}
	}
	return first(all, k)
}

func order(a, b engine.Scored) int {
	return cmp.Or(-cmp.Compare(a.Score, b.Score), cmp.Compare(a.Item, b.Item))
}

func first(list []engine.Scored, k int) []engine.Scored {
	return list[:max(min(k, len(list)), 0)]
}
