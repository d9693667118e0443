package main

import (
	"fmt"
	"unicode/utf8"

	"bookstall/recommendations/internal/domain"
)

const (
	maxLabel = 60 // characters; the limit of samples.csv
	// fewestLiked excludes readers with a short history.
	fewestLiked = 16
)

// sampleGenres lists the genres that have a sample reader.
func sampleGenres() []string {
	return []string{
		"fantasy", "mystery-thriller", "classics", "science-fiction", "romance", "children", "history",
		"horror", "comics", "poetry", "self-help", "science-business",
	}
}

// chooseSamples picks for each of these genres the reader whose likes are most
// concentrated on it, so that the sample readers' shelves differ clearly.
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
			return nil, fmt.Errorf("no synthetic reader is a suitable sample for %s", slug)
		}
		samples = append(samples, domain.SampleReader{ID: people[best].id, Label: people[best].label(c)})
	}
	return samples, nil
}

// focus returns the share of the reader's likes that are in the genre, in
// thousandths, or -1 for a reader who cannot be its sample.
func (r *reader) focus(c *catalogue, slug string) int {
	if c.genres[r.taste.favourites[0]].slug != slug || len(r.taste.favourites) < 2 || len(r.taste.authors) == 0 {
		return -1
	}
	liked, inGenre, byAuthor := 0, 0, 0
	for i, b := range r.read {
		if r.ratings[i].Stars < domain.PositiveStars {
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

// label describes the taste in at most maxLabel characters.
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
