package main

import (
	"fmt"
	"strconv"
	"strings"

	"bookstall/recommendations/internal/domain"
)

// catalogue is the books with what the generator must know of each. Books,
// genres and authors are numbers here: indexes of the slices.
type catalogue struct {
	books  []domain.Book
	genres []genre
	fame   []int64 // of each book
	themes [][]int // genres of each book, the main one first
	before []int   // the book before it in its series, or -1
	after  [][]int // the books that it is before
	author []int   // of each book
	names  []string
	works  [][]int   // books of each author
	output [][]works // of each genre, by author; only books mainly of the genre
}

// works is how much an author has written in a genre.
type works struct{ books, fame int64 }

// newCatalogue takes the order of the file for fame: among the books with the
// same main category, an earlier one is better known. Fame falls off as in a
// real shop, steeply first and with a long tail.
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
				return nil, fmt.Errorf("book %d has the category %q, which no synthetic reader knows", b.ID, slug)
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

// series is a place in one, as "The Lord of the Rings #1" says it.
type series struct {
	name   string
	number int
}

func parseSeries(text string) (series, bool) {
	name, number, ok := strings.Cut(text, " #")
	n, err := strconv.Atoi(number)
	return series{name, n}, ok && err == nil
}

// predecessor is the nearest earlier book of the series that the shop has.
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
