package request

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"bookstall/marketplace/internal/catalog"
)

// Parameters of a list.
const (
	SortField      = "sort"
	LanguageField  = "language"
	AvailableField = "available"
	PriceFromField = "price_from"
	PriceToField   = "price_to"
	YearFromField  = "year_from"
	YearToField    = "year_to"

	yes       = "true"
	bestMatch = "match"
)

// ListFields returns the parameters that Listing reads.
func ListFields() []string {
	return []string{SortField, LanguageField, AvailableField, PriceFromField, PriceToField, YearFromField, YearToField}
}

// Listing is how a list is sorted and filtered.
type Listing struct {
	Sort   catalog.Sort
	Filter catalog.Filter
}

// Listing reads how a list is sorted and filtered. A parameter that is wrong counts as missing.
func (q *Query) Listing(c *catalog.Catalog) Listing {
	l := Listing{Filter: catalog.Filter{
		Language: q.language(c), PriceFrom: q.price(PriceFromField), PriceTo: q.price(PriceToField),
		YearFrom: q.year(YearFromField), YearTo: q.year(YearToField),
	}}
	if sort := q.OneOf(SortField, bestMatch, string(catalog.ByPopularity), string(catalog.ByAdded), string(catalog.ByPrice), string(catalog.ByTitle)); sort != bestMatch && !q.Faulty(SortField) {
		l.Sort = catalog.Sort(sort)
	}
	l.Filter.Available = q.OneOf(AvailableField, "false", yes) == yes
	return l
}

// Values returns the parameters that Query.Listing reads as l, but for those that have their defaults.
func (l Listing) Values() url.Values {
	values := url.Values{}
	for field, value := range map[string]string{
		SortField: string(l.Sort), LanguageField: l.Filter.Language, PriceFromField: l.Filter.PriceFrom, PriceToField: l.Filter.PriceTo,
	} {
		if value != "" {
			values.Set(field, value)
		}
	}
	if l.Filter.Available {
		values.Set(AvailableField, yes)
	}
	for field, year := range map[string]int{YearFromField: l.Filter.YearFrom, YearToField: l.Filter.YearTo} {
		if year != 0 {
			values.Set(field, strconv.Itoa(year))
		}
	}
	return values
}

// language reads one of the languages of the catalogue, "" when it is missing.
func (q *Query) language(c *catalog.Catalog) string {
	code := q.Value(LanguageField)
	if code == "" {
		return ""
	}
	var known []string
	for _, l := range c.Facets().Languages {
		if l.Code == code {
			return code
		}
		known = append(known, l.Code)
	}
	if len(known) == 0 {
		q.Fault(LanguageField, "cannot be asked for: no book has one")
	} else {
		q.Fault(LanguageField, "must be one of "+strings.Join(known, ", "))
	}
	return ""
}

// price reads a price, "" when it is missing.
func (q *Query) price(field string) string {
	text := q.Value(field)
	if text != "" && !catalog.ValidPrice(text) {
		q.Fault(field, "must be a decimal with a point and at most 4 decimals")
		return ""
	}
	return text
}

// year reads a year, negative for BCE, 0 when it is missing.
func (q *Query) year(field string) int {
	const most = 9999
	text := q.Value(field)
	if text == "" {
		return 0
	}
	digits, before := strings.CutPrefix(text, "-")
	year, ok := WholeNumber(digits, 1, most)
	switch {
	case !ok:
		q.Fault(field, fmt.Sprintf("must be a year from -%d to %d, and not 0", most, most))
		return 0
	case before:
		return -int(year)
	}
	return int(year)
}
