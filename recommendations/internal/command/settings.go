package command

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/evaluate"
)

// engineSettings are all parameters of the engine.
type engineSettings struct {
	params    engine.Params
	prior     engine.Prior
	strengths engine.Strengths
}

// servingSettings returns the settings that replicas serve with.
func servingSettings() engineSettings {
	return engineSettings{params: engine.DefaultParams(), prior: engine.DefaultPrior(), strengths: engine.DefaultStrengths()}
}

// settings returns the serving settings with the changes of --set.
func (e *evaluation) settings() (engineSettings, error) {
	s := servingSettings()
	var unknown []string
	for name, value := range e.Set {
		whole := int(value)
		if stars, ok := strings.CutPrefix(name, "stars-"); ok || name == "neighbours" {
			if float64(whole) != value || ok && (whole < 0 || whole > int(engine.Full)) {
				return s, fmt.Errorf("--set: %s is %v, want a whole number, for stars 0 to %d", name, value, engine.Full)
			}
			if n, err := strconv.Atoi(stars); ok && err == nil && n >= 1 && n <= len(s.strengths) {
				s.strengths[n-1] = engine.Strength(whole)
				continue
			}
		}
		switch name {
		case "neighbours":
			s.params.Neighbours = whole
		case "author":
			s.params.Author = value
		case "alpha":
			s.params.Alpha = value
		case "lambda":
			s.params.Lambda = value
		case "prior-cap":
			s.prior.Cap = value
		case "prior-scale":
			s.prior.Scale = value
		default:
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return s, fmt.Errorf("--set: unknown parameter %s; known are alpha, author, lambda, neighbours, prior-cap, prior-scale and stars-1 to stars-5", strings.Join(unknown, " or "))
	}
	if err := errors.Join(s.params.Validate(), s.prior.Validate()); err != nil {
		return s, fmt.Errorf("--set: %w", err)
	}
	return s, nil
}

func (s engineSettings) named() map[string]float64 {
	all := map[string]float64{
		"neighbours": float64(s.params.Neighbours), "alpha": s.params.Alpha, "lambda": s.params.Lambda,
		"author": s.params.Author, "prior-cap": s.prior.Cap, "prior-scale": s.prior.Scale,
	}
	for k, strength := range s.strengths {
		all[fmt.Sprintf("stars-%d", k+1)] = float64(strength)
	}
	return all
}

// opinions returns rated books in the form that the engine takes.
func (s engineSettings) opinions(rated []evaluate.Rated) (items []int32, strengths []engine.Strength) {
	for _, r := range rated {
		if strength := s.strengths.Of(int(r.Stars)); strength > 0 {
			items, strengths = append(items, r.Item), append(strengths, strength)
		}
	}
	return items, strengths
}

// dataset returns the training part of a split.
func (s engineSettings) dataset(split evaluate.Split, authors []int32) engine.Dataset {
	d := engine.Dataset{Items: split.Items, Authors: authors}
	for _, rated := range split.TrainRated {
		items, strengths := s.opinions(rated)
		d.Readers, d.Strengths = append(d.Readers, items), append(d.Strengths, strengths)
	}
	return d
}

// rank returns the ranking of one category, in the form that package evaluate takes.
func (s engineSettings) rank(ranker *engine.Ranker, category int) evaluate.CaseRanker {
	return s.rankBy(category, ranker.Rank)
}

// rankVaried returns the ranking of all books, with variety.
func (s engineSettings) rankVaried(ranker *engine.Ranker, v engine.Variety) evaluate.CaseRanker {
	return s.rankBy(engine.AnyCategory, func(dst []engine.Scored, q engine.Query) []engine.Scored { return ranker.RankVaried(dst, q, v) })
}

func (s engineSettings) rankBy(category int, rank func([]engine.Scored, engine.Query) []engine.Scored) evaluate.CaseRanker {
	var scored []engine.Scored
	return func(dst []int32, c evaluate.Case, k int) []int32 {
		items, strengths := s.opinions(c.Rated)
		scored = rank(scored[:0], engine.Query{
			History: items, Strengths: strengths, Exclude: c.Hidden, Category: category, K: k,
		})
		for _, one := range scored {
			dst = append(dst, one.Item)
		}
		return dst
	}
}
