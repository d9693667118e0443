package chart

import (
	"bytes"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files and the table of values in README.md")

// Each set of values renders as in its golden file, with Helm 4 and with Helm 3.
func TestRendersAsItsGoldenFiles(t *testing.T) {
	for _, helm := range []string{"helm", "helm3"} {
		t.Run(helm, func(t *testing.T) {
			path := tool(t, helm)
			for name, args := range sets(t) {
				out, err := render(t, path, args...)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				got := canonical(out)
				golden := "testdata/" + name + ".golden"
				if *update && helm == "helm" {
					if err := os.WriteFile(golden, got, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), string(got)); diff != "" {
					t.Errorf("%s: differs from %s (make golden writes it; check the difference):\n%s", name, golden, diff)
				}
			}
		})
	}
}

// canonical returns manifests in an order and with line ends that do not depend on Helm. They
// have no random values: without a cluster, the chart generates none.
func canonical(manifests []byte) []byte {
	var documents []string
	for document := range strings.SplitSeq("\n"+string(manifests), "\n---\n") {
		if document = strings.TrimSpace(document); document != "" {
			documents = append(documents, document)
		}
	}
	slices.Sort(documents) // by the first line, which names the template
	var out bytes.Buffer
	for _, document := range documents {
		for line := range strings.Lines(document) {
			out.WriteString(strings.TrimRight(line, " \n") + "\n")
		}
		out.WriteString("---\n")
	}
	return out.Bytes()
}
