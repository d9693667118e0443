package main

import (
	"fmt"
	"unicode/utf8"

	"bookstall/recommendations/internal/domain"
)

const (
	maxLabel = 60 // characters, as the format of the file has it
	// fewestLiked keeps readers with hardly any history out of the choice.
	fewestLiked = 16
)

// sampleGenres are the tastes that visitors can look through.
func sampleGenres() []string {
	return []string{
		"fantasy", "mystery-thriller", "classics", "science-fiction", "romance", "children", "history",
		"horror", "comics", "poetry", "self-help", "science-business",
	}
}

// chooseSamples takes for each of those genres the reader whose likes are the
// most concentrated on it, so that the shelves differ plainly.
func chooseSamples(c *catalogue, people []reader) ([]domain.SampleReader, error) {
	var samples []domain.SampleReader
	for _, slug := range sampleGenres() {
		best, bestFocus := -1, -1
		for i := range people {
			if focus := people[i].focus(c, slug); focus > bestFocus {
				best, bestFocus = i, focus
			}
		}
		if bestFocus < 0 {
			return nil, fmt.Errorf("no synthetic reader fits as a sample of %s", slug)
		}
		samples = append(samples, domain.SampleReader{ID: people[best].id, Label: people[best].label(c)})
	}
	return samples, nil
}

// focus is the share of the likes that are in the genre, in thousandths, or -1
// for a reader who is no sample of it.
func (r *reader) focus(c *catalogue, slug string) int {
	if c.genres[r.taste.favourites[0]].slug != slug || len(r.taste.favourites) < 2 || len(r.taste.authors) == 0 {
		return -1
	}
	liked, inGenre, byAuthor := 0, 0, 0
	for i, b := range r.read {
		if r.ratings[i].Stars < domain.PositiveRating {
			continue
		}
		liked++
		if c.themes[b][0] == r.taste.favourites[0] {
			inGenre++
		}
		if c.author[b] == r.taste.authors[0] {
			byAuthor++
		}
	}
	if liked < fewestLiked || byAuthor < 2 {
		return -1
	}
	return inGenre * 1000 / liked
}

// label says the taste in as much as there is room for.
func (r *reader) label(c *catalogue) string {
	name := fmt.Sprintf("Synthetic reader %d: %s", r.id, c.genres[r.taste.favourites[0]].name)
	author := ", " + c.names[r.taste.authors[0]]
	for _, longer := range []string{
		name + " and " + c.genres[r.taste.favourites[1]].name + author,
		name + author,
	} {
		if utf8.RuneCountInString(longer) <= maxLabel {
			return longer
		}
	}
	return name
}
