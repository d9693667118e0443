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
	case Front, Book:
		source = sourceOfPage(a.body)
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

// sourceOfPage returns the source of the shelf on a page, popular for a book without
// similar books; "" if it has none.
func sourceOfPage(page []byte) string {
	if m := sourceAttribute.FindSubmatch(page); m != nil {
		return string(m[1])
	}
	if bytes.Contains(page, []byte(`<article class="book">`)) {
		return popular
	}
	return ""
}
