package catalog

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Filter narrows a list. The zero value keeps all books.
type Filter struct {
	Language           string // as books have it
	Available          bool   // only books that can be bought
	PriceFrom, PriceTo string // decimals, in the currency of Facets; "" for no bound
	YearFrom, YearTo   int    // of first publication; 0 for no bound
}

// Facets are what lists can be filtered by.
type Facets struct {
	Languages []Language // those that listed books have, the most frequent first
	Currency  string     // the one that most listed books have; "" if none has a price
	Years     bool       // whether the year of any listed book is known
	Added     bool       // whether it is known of any listed book when it came
	// Unavailable says whether any listed book cannot be bought.
	Unavailable bool
}

// Language is a language that listed books have.
type Language struct {
	Code  string
	Count int // number of books
}

// Facets returns what lists can be filtered by. Callers must not change it.
func (c *Catalog) Facets() Facets { return c.current.Load().facets }

// ValidPrice reports whether a text is a price: a decimal with a point.
func ValidPrice(text string) bool { return pricePattern.MatchString(text) }

// amount is a price in ten-thousandths, which a valid price is a whole number of.
type amount int64

const noAmount amount = -1

// amountOf returns a price as a number, noAmount for "".
func amountOf(price string) amount {
	if price == "" {
		return noAmount
	}
	whole, fraction, _ := strings.Cut(price, ".")
	n, err := strconv.ParseInt(whole+(fraction + "0000")[:4], 10, 64)
	if err != nil {
		return noAmount // never: it is valid
	}
	return amount(n)
}

func newFacets(listed []Book) Facets {
	languages, currencies := map[string]int{}, map[string]int{}
	var f Facets
	for i := range listed {
		b := &listed[i]
		languages[b.Language]++
		currencies[b.Currency]++
		f.Years = f.Years || b.Year != 0
		f.Added = f.Added || !b.Added.IsZero()
		f.Unavailable = f.Unavailable || !b.CanBeBought()
	}
	delete(languages, "")
	delete(currencies, "")
	for code, n := range languages {
		f.Languages = append(f.Languages, Language{code, n})
	}
	slices.SortFunc(f.Languages, func(a, b Language) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Code, b.Code)) })
	for code, n := range currencies {
		if most := currencies[f.Currency]; n > most || n == most && code < f.Currency {
			f.Currency = code
		}
	}
	return f
}

// keeps returns whether a filter keeps the book with a rank, nil if it keeps all.
func (s *state) keeps(f Filter) func(rank int32) bool {
	if f == (Filter{}) {
		return nil
	}
	from, to := amountOf(f.PriceFrom), amountOf(f.PriceTo)
	return func(rank int32) bool {
		b := &s.books[rank]
		switch {
		case f.Language != "" && b.Language != f.Language, f.Available && !b.CanBeBought(),
			f.YearFrom != 0 && (b.Year == 0 || b.Year < f.YearFrom), f.YearTo != 0 && (b.Year == 0 || b.Year > f.YearTo):
			return false
		case from == noAmount && to == noAmount:
			return true
		}
		price := amountOf(b.Price)
		return price != noAmount && b.Currency == s.facets.Currency && price >= from && (to == noAmount || price <= to)
	}
}

// Sort is an order of a list.
type Sort string

// The orders. Equal books are in the order of their popularity.
const (
	ByMatch      Sort = ""        // the best match of a text first, the most popular without one, books of a series by their number
	ByPopularity Sort = "popular" // most popular first
	ByAdded      Sort = "new"     // the latest in the catalogue first, those of which that is not known last
	ByPrice      Sort = "price"   // lowest first, books in other currencies than most and those without a price last
	ByTitle      Sort = "title"   // without a leading article
)

// sortings returns the ranks of all listed books in each order for which ranks are not in order already.
func (s *state) sortings() map[Sort][]int32 {
	sorted := func(compare func(a, b int32) int) []int32 {
		ranks := slices.Clone(s.all)
		slices.SortStableFunc(ranks, compare)
		return ranks
	}
	prices := make([]amount, s.listed)
	for rank := range prices {
		prices[rank] = amountOf(s.books[rank].Price)
	}
	// Prices in other currencies do not compare.
	group := func(rank int32) string {
		switch b := &s.books[rank]; b.Currency {
		case s.facets.Currency:
			return ""
		case "":
			return "~" // after all currencies
		default:
			return b.Currency
		}
	}
	return map[Sort][]int32{
		ByPopularity: s.all,
		ByAdded:      sorted(func(a, b int32) int { return s.books[b].Added.Compare(s.books[a].Added) }),
		ByPrice: sorted(func(a, b int32) int {
			return cmp.Or(cmp.Compare(group(a), group(b)), cmp.Compare(prices[a], prices[b]))
		}),
		ByTitle: sorted(func(a, b int32) int { return cmp.Compare(s.index.bare[a], s.index.bare[b]) }),
	}
}
