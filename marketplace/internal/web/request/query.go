package request

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"bookstall/marketplace/internal/catalog"
)

// Query reads the parameters of an API request.
type Query struct {
	Faults

	values url.Values
}

// NewQuery returns the query of a request. Parameters other than those named are
// faults, and so are repeated ones.
func NewQuery(r *http.Request, names ...string) *Query {
	q := &Query{}
	var err error
	if q.values, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		q.Fault("query", "cannot be read as name=value&name=value")
	}
	given := slices.AppendSeq(make([]string, 0, 8), maps.Keys(q.values)) // on the stack, as a rule
	slices.Sort(given)
	for _, name := range given {
		switch {
		case !slices.Contains(names, name) && len(names) == 0:
			q.Fault(shortened(name), "is not known here; this address takes no parameters")
		case !slices.Contains(names, name):
			q.Fault(shortened(name), "is not known here; allowed are "+strings.Join(names, ", "))
		case len(q.values[name]) > 1:
			q.Fault(name, "is given more than once")
		}
	}
	return q
}

// Value returns a parameter as it is, "" when it is missing.
func (q *Query) Value(field string) string { return q.values.Get(field) }

// ID reads an id from text: part of the path or a required parameter.
func (q *Query) ID(field, text string) int64 {
	if text == "" {
		q.Fault(field, "is required")
		return 0
	}
	return q.number(field, text, 1, math.MaxInt64)
}

// Count reads a number of things, fallback when it is missing.
func (q *Query) Count(field string, least, most, fallback int64) int {
	text := q.Value(field)
	if text == "" {
		return int(fallback)
	}
	return int(q.number(field, text, least, most))
}

// MaxResults reads the length of a shelf; 0 and missing mean 10.
func (q *Query) MaxResults() int {
	const standard, most = 10, 100
	text := q.Value("max_results")
	if n, ok := WholeNumber(text, 0, most); ok && n > 0 {
		return int(n)
	} else if !ok && text != "" {
		q.Fault("max_results", fmt.Sprintf("must be a whole number from 1 to %d, or 0 for %d", most, standard))
	}
	return standard
}

// MinVersion reads the version of a history that an answer must include at least; 0
// and missing mean any.
func (q *Query) MinVersion() int64 {
	text := q.Value("min_version")
	if text == "" {
		return 0
	}
	n, ok := WholeNumber(text, 0, math.MaxInt64)
	if !ok {
		q.Fault("min_version", "must be a version that an answer had, or 0")
	}
	return n
}

// Category reads a slug of the catalogue, "" when it is missing.
func (q *Query) Category(c *catalog.Catalog) string {
	slug := q.Value("category")
	if slug != "" && !c.HasCategory(slug) {
		var known []string
		for _, category := range c.Categories() {
			known = append(known, category.Slug)
		}
		q.Fault("category", "must be one of "+strings.Join(known, ", "))
	}
	return slug
}

// Text reads a text, "" when it is missing.
func (q *Query) Text(field string) string {
	text := q.Value(field)
	if !utf8.ValidString(text) {
		q.Fault(field, "must be UTF-8")
	} else if utf8.RuneCountInString(text) > MaxText {
		q.Fault(field, fmt.Sprintf("must have at most %d characters", MaxText))
	}
	return text
}

// RequiredText reads a text that must not be missing.
func (q *Query) RequiredText(field string) string {
	text := q.Text(field)
	if text == "" {
		q.Fault(field, "is required")
	}
	return text
}

// OneOf reads one of some words, the first when it is missing.
func (q *Query) OneOf(field string, words ...string) string {
	word := q.Value(field)
	if word == "" {
		return words[0]
	}
	if !slices.Contains(words, word) {
		q.Fault(field, "must be one of "+strings.Join(words, ", "))
	}
	return word
}
