package fault

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// FuzzParse checks that accepted faults are within their bounds and survive a round trip
// through JSON, and that errors have short lines.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"unready":true,"not_serving":true,"error_share":0.5,"code":"UNAVAILABLE","delay":"250ms","hang":false,"calls":3,"exit":0}`), true)
	f.Add([]byte(`{"not_serving":true}`), false)
	f.Add([]byte(`{"error_share":1e-400,"delay":"-1ns","exit":256,"code":null,"hang":0,"":[]}`), true)
	f.Add([]byte(`{"delay":"9223372036854775807ns","delay":"1s","Hang":true}`), true)
	f.Add([]byte("{\"unready\":\"\xff\"} "), true)
	f.Add([]byte(`null`), true)
	f.Fuzz(func(t *testing.T, body []byte, health bool) {
		set, err := parse(body, health)
		again, err2 := parse(body, health)
		if cmp.Diff(set, again) != "" || (err == nil) != (err2 == nil) || err != nil && err.Error() != err2.Error() {
			t.Errorf("%q: two results: %+v, %v and %+v, %v", body, set, err, again, err2)
		}
		if err != nil {
			if !utf8.ValidString(err.Error()) {
				t.Errorf("%q: %q is not UTF-8", body, err)
			}
			for line := range strings.Lines(err.Error()) {
				if len(line) > 1000 {
					t.Errorf("the error has a line of %d bytes: %s", len(line), line)
				}
			}
			return
		}
		if set.ErrorShare < 0 || set.ErrorShare > 1 || set.Delay < 0 || set.Calls < 0 || !validCode(set.Code) ||
			set.NotServing && !health || set.Exit != nil && (*set.Exit < 0 || *set.Exit > 255) {
			t.Errorf("%q is accepted as %+v", body, set)
		}
		text, err := json.Marshal(set)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := parse(text, health); err != nil || cmp.Diff(set, back) != "" {
			t.Errorf("%+v is parsed back as %+v, %v", set, back, err)
		}
	})
}
