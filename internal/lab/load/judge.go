package load

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
)

// The sources of a shelf, in the words of the API.
const (
	personal = "personal"
	popular  = "popular"
	fallback = "fallback"
)

// judge returns the outcome of a call by its answer, whatever time it took.
func judge(t task, a answer) (outcome Outcome, reason, servedBy string) {
	wantStatus := http.StatusOK
	if t.kind == Switch {
		wantStatus = http.StatusSeeOther
	}
	switch {
	case a.status == http.StatusServiceUnavailable && a.retryAfter:
		return Shed, "", ""
	case a.status != wantStatus:
		return Failed, fmt.Sprintf("status %d", a.status), ""
	}
	source := ""
	switch t.kind {
	case Switch:
		return Full, "", ""
	case APIKnown, APIUnknown:
		source, servedBy = sourceOfAnswer(a.body)
	case Front:
		source = sourceOfFront(a.body)
	case Book:
		source = sourceOfBook(a.body)
	case Search:
		if !bytes.Contains(a.body, []byte(`href="/books/`)) {
			return Failed, "no books found", ""
		}
		return Full, "", ""
	}
	switch {
	case source == "":
		return Failed, "answer not understood", servedBy
	case source == fallback:
		return Fallback, "", servedBy
	case t.want != "" && source != t.want:
		return Failed, source + " where " + t.want + " is due", servedBy
	}
	return Full, "", servedBy
}

// sourceOfAnswer returns the source of a shelf of the API, "" if it has none.
func sourceOfAnswer(body []byte) (source, servedBy string) {
	var shelf struct {
		Source          string            `json:"source"`
		ServedBy        string            `json:"served_by"`
		Recommendations []json.RawMessage `json:"recommendations"`
	}
	if json.Unmarshal(body, &shelf) != nil || len(shelf.Recommendations) == 0 {
		return "", ""
	}
	switch shelf.Source {
	case personal, popular, fallback:
		return shelf.Source, shelf.ServedBy
	}
	return "", ""
}

var sourceAttribute = regexp.MustCompile(`data-source="(personal|popular|similar|fallback)"`)

// marked returns the source that a page has in an attribute.
func marked(page []byte) (source string, ok bool) {
	m := sourceAttribute.FindSubmatch(page)
	if m == nil {
		return "", false
	}
	return string(m[1]), true
}

// Texts that tell the source of a page without the attribute.
const (
	awayText     = "are away for a moment. Here are our bestsellers"
	personalText = "Chosen one by one"
	popularText  = "We have not met your taste yet"
	bookText     = "<article class=\"book\">"
)

func sourceOfFront(page []byte) string {
	if source, ok := marked(page); ok {
		return source
	}
	for _, known := range []struct{ text, source string }{
		{awayText, fallback}, {personalText, personal}, {popularText, popular},
	} {
		if bytes.Contains(page, []byte(known.text)) {
			return known.source
		}
	}
	return ""
}

// sourceOfBook returns popular for a book without similar books: it may have none.
func sourceOfBook(page []byte) string {
	if source, ok := marked(page); ok {
		return source
	}
	switch {
	case bytes.Contains(page, []byte(awayText)):
		return fallback
	case bytes.Contains(page, []byte(bookText)):
		return popular
	}
	return ""
}
