package main

import (
	"fmt"
	"slices"

	"bookstall/recommendations/internal/domain"
)

// How a synthetic reader chooses. The numbers were tuned by trial until different
// tastes got different shelves and bestsellers were still bestsellers.
const (
	fewest, most    = 10, 40 // number of ratings of one reader
	strayPercent    = 8      // share of the books outside the reader's taste
	authorFactor    = 14     // raises the appeal of a favourite author's book
	nextFactor      = 40     // raises it for the sequel to a book the reader likes
	droppedDivisor  = 30     // lowers it for the sequel to a book the reader does not like
	skippedDivisor  = 8      // lowers it for the sequel to a book the reader has not read
	mainThemeWeight = 5      // weight of a book's main category; the others have 1
)

// reader is one synthetic reader.
type reader struct {
	id      int64
	taste   taste
	ratings []domain.Rating // ratings in the order of reading
	read    []int           // the book of each rating
}

func newReader(c *catalogue, id int64) (reader, error) {
	d := newDice(uint64(id))
	r := reader{id: id, taste: newTaste(c, d)}
	appeal := r.taste.appeal(c)
	stars := make([]int, len(c.books)) // 0 is not read
	usual, anywhere := newUrn(make([]int64, len(c.books))), newUrn(c.sales())
	for b := range c.books {
		usual.set(b, c.inTurn(b, appeal[b], stars))
	}
	for range fewest + d.below(most-fewest+1) {
		stray := d.chance(strayPercent)
		from := usual
		if stray {
			from = anywhere
		}
		b := from.draw(d)
		if b < 0 {
			return reader{}, fmt.Errorf("reader %d has rated every book of a favourite genre", id)
		}
		stars[b] = r.rate(c, b, d, stray)
		r.read = append(r.read, b)
		r.ratings = append(r.ratings, domain.Rating{UserID: id, BookID: c.books[b].ID, Stars: stars[b]})
		usual.set(b, 0)
		anywhere.set(b, 0)
		for _, next := range c.after[b] {
			if stars[next] == 0 {
				usual.set(next, c.inTurn(next, appeal[next], stars))
			}
		}
	}
	return r, nil
}

// sales returns the weight with which any reader chooses each book.
func (c *catalogue) sales() []int64 {
	sales := make([]int64, len(c.books))
	for b := range c.books {
		sales[b] = c.fame[b] * c.genres[c.themes[b][0]].share
	}
	return sales
}

// appeal returns the weight with which a reader of this taste chooses each book.
func (t taste) appeal(c *catalogue) []int64 {
	appeal := make([]int64, len(c.books))
	for b := range c.books {
		var fit int64
		for place, theme := range c.themes[b] {
			weight := int64(1)
			if place == 0 {
				weight = mainThemeWeight
			}
			for f, favourite := range t.favourites {
				if theme == favourite {
					fit += t.shares[f] * weight
				}
			}
		}
		appeal[b] = c.fame[b] * fit
	}
	for _, a := range t.authors {
		for _, b := range c.works[a] {
			appeal[b] *= authorFactor
		}
	}
	return appeal
}

// inTurn adjusts the appeal of a book by whether the reader likes the one before
// it in the series.
func (c *catalogue) inTurn(b int, appeal int64, stars []int) int64 {
	before := c.before[b]
	switch {
	case before < 0:
		return appeal
	case stars[before] == 0:
		return appeal / skippedDivisor
	case stars[before] >= domain.PositiveStars:
		return appeal * nextFactor
	default:
		return appeal / droppedDivisor
	}
}

// rate draws the stars for a book. Readers like most of the books they choose,
// and those of their favourite authors best.
func (r *reader) rate(c *catalogue, b int, d dice, stray bool) int {
	weights := []int64{3, 5, 12, 36, 44} // weights of 1 to 5 stars
	switch {
	case stray:
		weights = []int64{13, 22, 35, 20, 10}
	case slices.Contains(r.taste.authors, c.author[b]):
		weights = []int64{1, 2, 7, 30, 60}
	}
	return 1 + newUrn(weights).draw(d)
}
