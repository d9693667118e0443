package web

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// assetHash changes with the style sheet, which does not change the page.
var assetHash = regexp.MustCompile(`(/static/\w+)\.[0-9a-f]{12}\.`)

// signature is a tag of a reader or the signature of a version, which differ between readers.
var signature = regexp.MustCompile(`((?:data-reader="|data-version="\d+\.))[\w-]{43}"`)

// golden compares a page with testdata/name.golden, which has a line for each tag.
func golden(t *testing.T, name, page string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	page = strings.ReplaceAll(page, "><", ">\n<") + "\n"
	page = signature.ReplaceAllString(assetHash.ReplaceAllString(page, "$1.HASH."), `${1}SIGNATURE"`)
	if *update {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with: go test -update", err)
	}
	if diff := cmp.Diff(string(want), page); diff != "" {
		t.Errorf("%s differs; look at it, then write it with: go test -update (-want +got):\n%s", path, diff)
	}
}
