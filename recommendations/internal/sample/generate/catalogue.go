package main

import (
	"fmt"
	"strconv"
	"strings"

	"bookstall/recommendations/internal/domain"
)

// catalogue holds the books and what the generator derives from them. Books,
// genres and authors are referred to by their indexes.
type catalogue struct {
	books  []domain.Book
	genres []genre
	fame   []int64   // fame of each book
	themes [][]int   // genres of each book, the main one first
	before []int     // predecessor of each book in its series, or -1
	after  [][]int   // direct successors of each book
	author []int     // author of each book
	names  []string  // name of each author
	works  [][]int   // books of each author
	output [][]works // works by genre and author; counts books with that main genre
}

// works is how much an author has written in a genre.
type works struct{ books, fame int64 }

// newCatalogue derives fame from the order of the books: among books with the
// same main category, an earlier one is better known. Fame declines as sales do
// in a real shop, steeply at first, with a long tail.
func newCatalogue(books []domain.Book) (*catalogue, error) {
	c := &catalogue{books: books, genres: genres()}
	genreOf := make(map[string]int)
	for i, g := range c.genres {
		genreOf[g.slug] = i
	}
	rank := make([]int64, len(c.genres))
	authorOf := make(map[string]int)
	inSeries := make(map[series]int)
	for i, b := range books {
		var themes []int
		for _, slug := range b.Categories {
			g, ok := genreOf[slug]
			if !ok {
				return nil, fmt.Errorf("book %d has the category %q, which is not one of the generator's genres", b.ID, slug)
			}
			themes = append(themes, g)
		}
		c.themes = append(c.themes, themes)
		c.fame = append(c.fame, 6000/(rank[themes[0]]+5))
		rank[themes[0]]++

		a, ok := authorOf[b.Author]
		if !ok {
			a = len(c.names)
			authorOf[b.Author] = a
			c.names = append(c.names, b.Author)
			c.works = append(c.works, nil)
		}
		c.author = append(c.author, a)
		c.works[a] = append(c.works[a], i)
		if s, ok := parseSeries(b.Series); ok {
			inSeries[s] = i
		}
	}
	c.after = make([][]int, len(books))
	for i, b := range books {
		before := predecessor(inSeries, b.Series)
		c.before = append(c.before, before)
		if before >= 0 {
			c.after[before] = append(c.after[before], i)
		}
	}
	c.output = make([][]works, len(c.genres))
	for g := range c.output {
		c.output[g] = make([]works, len(c.names))
	}
	for i, themes := range c.themes {
		o := &c.output[themes[0]][c.author[i]]
		o.books++
		o.fame += c.fame[i]
	}
	return c, nil
}

// series is a place in a series, such as "The Lord of the Rings #1".
type series struct {
	name   string
	number int
}

func parseSeries(text string) (series, bool) {
	name, number, ok := strings.Cut(text, " #")
	n, err := strconv.Atoi(number)
	return series{name, n}, ok && err == nil
}

// predecessor returns the nearest earlier book of the series in the catalogue, or
// -1.
func predecessor(inSeries map[series]int, text string) int {
	s, ok := parseSeries(text)
	if !ok {
		return -1
	}
	for s.number--; s.number > 0; s.number-- {
		if i, ok := inSeries[s]; ok {
			return i
		}
	}
	return -1
}
