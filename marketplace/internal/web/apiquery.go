package web

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"bookstall/marketplace/internal/catalog"
)

// maxText is the longest search text, in characters.
const maxText = 200

// apiQuery reads the parameters of an API request, and collects what is wrong.
type apiQuery struct {
	values url.Values
	faults invalidRequest
}

// newAPIQuery reads the query of a request that has the named parameters only.
func newAPIQuery(r *http.Request, names ...string) *apiQuery {
	q := &apiQuery{}
	var err error
	if q.values, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		q.fault("query", "cannot be read as name=value&name=value")
	}
	for _, name := range slices.Sorted(maps.Keys(q.values)) {
		switch {
		case !slices.Contains(names, name) && len(names) == 0:
			q.fault(shown(name), "is not known here; this address takes no parameters")
		case !slices.Contains(names, name):
			q.fault(shown(name), "is not known here; allowed are "+strings.Join(names, ", "))
		case len(q.values[name]) > 1:
			q.fault(name, "is given more than once")
		}
	}
	return q
}

// shown cuts a name that the caller made up.
func shown(name string) string {
	const most = 64
	name = strings.ToValidUTF8(name, "\uFFFD")
	if utf8.RuneCountInString(name) > most {
		return string([]rune(name)[:most]) + "…"
	}
	return name
}

func (q *apiQuery) fault(field, reason string) {
	q.faults = append(q.faults, fieldError{field, reason})
}

// err returns all faults as one error, or nil.
func (q *apiQuery) err() error {
	if len(q.faults) == 0 {
		return nil
	}
	return q.faults
}

// wholeNumber reads decimal digits, without sign, as a number of a range.
func wholeNumber(text string, least, most int64) (int64, bool) {
	if strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= least && n <= most
}

// id reads an id, which is part of the path or a parameter that must be there.
func (q *apiQuery) id(field, text string) int64 {
	if text == "" {
		q.fault(field, "is required")
		return 0
	}
	n, ok := wholeNumber(text, 1, math.MaxInt64)
	if !ok {
		q.fault(field, fmt.Sprintf("must be a whole number from 1 to %d", int64(math.MaxInt64)))
	}
	return n
}

// count reads a number of things, fallback when there is none.
func (q *apiQuery) count(field string, least, most, fallback int64) int {
	text := q.values.Get(field)
	if text == "" {
		return int(fallback)
	}
	n, ok := wholeNumber(text, least, most)
	if !ok {
		q.fault(field, fmt.Sprintf("must be a whole number from %d to %d", least, most))
	}
	return int(n)
}

// maxResults reads how long a shelf may be; 0 and none mean 10.
func (q *apiQuery) maxResults() int {
	const standard, most = 10, 100
	text := q.values.Get("max_results")
	if n, ok := wholeNumber(text, 0, most); ok && n > 0 {
		return int(n)
	} else if !ok && text != "" {
		q.fault("max_results", fmt.Sprintf("must be a whole number from 1 to %d, or 0 for %d", most, standard))
	}
	return standard
}

// minVersion reads the version of a history that must count; 0 and none mean any.
func (q *apiQuery) minVersion() int64 {
	text := q.values.Get("min_version")
	if text == "" {
		return 0
	}
	n, ok := wholeNumber(text, 0, math.MaxInt64)
	if !ok {
		q.fault("min_version", "must be a version that an answer had, or 0")
	}
	return n
}

// category reads a slug of the catalogue, "" when there is none.
func (q *apiQuery) category(c *catalog.Catalog) string {
	slug := q.values.Get("category")
	if slug != "" && !c.HasCategory(slug) {
		var known []string
		for _, category := range c.Categories() {
			known = append(known, category.Slug)
		}
		q.fault("category", "must be one of "+strings.Join(known, ", "))
	}
	return slug
}

// text reads words to search for.
func (q *apiQuery) text(field string) string {
	text := q.values.Get(field)
	if !utf8.ValidString(text) {
		q.fault(field, "must be UTF-8")
	} else if utf8.RuneCountInString(text) > maxText {
		q.fault(field, fmt.Sprintf("must have at most %d characters", maxText))
	}
	return text
}
