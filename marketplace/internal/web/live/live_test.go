package live

import (
	"net/http"
	"net/url"
	"strconv"
	"testing"
)

// FuzzSeenVersion reads any version: the query and the header mean the same, and what is
// no number is unknown.
func FuzzSeenVersion(f *testing.F) {
	for _, lastEvent := range []string{"5", "-9223372036854775809", "1e3", "\xff", ""} {
		f.Add(lastEvent)
	}
	f.Fuzz(func(t *testing.T, lastEvent string) {
		for _, query := range []url.Values{nil, {"after": {lastEvent}}} {
			r := &http.Request{URL: &url.URL{RawQuery: query.Encode()}, Header: http.Header{"Last-Event-Id": {lastEvent}}}
			n, err := strconv.ParseInt(lastEvent, 10, 64)
			if seen := seenVersion(r); seen < -1 || err != nil && seen != -1 || err == nil && seen != max(n, -1) {
				t.Errorf("Last-Event-ID %q is read as %d", lastEvent, seen)
			}
		}
	})
}
