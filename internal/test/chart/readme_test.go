package chart

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestReadmeListsAllValuesWithTheirDefaults(t *testing.T) {
	text, err := os.ReadFile(chart + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	row := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| `([^`]*)` \\| (.+) \\|$")
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		if _, twice := listed[m[1]]; twice {
			t.Errorf("%s is listed twice", m[1])
		}
		listed[m[1]] = m[2]
		if !strings.HasSuffix(m[3], ".") {
			t.Errorf("%s: the meaning is not a sentence: %s", m[1], m[3])
		}
	}
	leaves := map[string]any{}
	flatten("", values(t), leaves)
	for path, value := range leaves {
		text, ok := listed[path]
		if !ok {
			t.Errorf("%s is not listed", path)
			continue
		}
		var documented any
		if err := json.Unmarshal([]byte(text), &documented); err != nil {
			t.Errorf("%s: default %s: %v", path, text, err)
			continue
		}
		if got, want := compact(t, documented), compact(t, value); got != want {
			t.Errorf("%s: the default is listed as %s, and is %s", path, got, want)
		}
	}
	for path := range listed {
		if _, ok := leaves[path]; !ok {
			t.Errorf("%s is listed, but is not in values.yaml", path)
		}
	}
}

// flatten puts the leaves of values into out, by their path. Lists and empty
// maps are leaves.
func flatten(path string, value any, out map[string]any) {
	fields, ok := value.(map[string]any)
	if !ok || len(fields) == 0 {
		out[path] = value
		return
	}
	for key, v := range fields {
		flatten(strings.TrimPrefix(path+"."+key, "."), v, out)
	}
}

func compact(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
