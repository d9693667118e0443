package main

import (
	"fmt"
	"hash/fnv"

	"bookstall/recommendations/internal/domain"
)

// priceOf makes up a price for a book. It depends only on title, author and main
// category, so that a new book does not change the price of any other.
func priceOf(b domain.Book) string {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(b.Title + "\n" + b.Author)) // never fails
	d := newDice(hash.Sum64())
	for _, g := range genres() {
		if g.slug != b.Categories[0] {
			continue
		}
		euros := (g.from + d.below(g.to-g.from+1)) / 10
		cents := 90
		if d.chance(30) && euros*10+5 >= g.from {
			cents = 50
		}
		return fmt.Sprintf("%d.%02d", euros, cents)
	}
	return ""
}
