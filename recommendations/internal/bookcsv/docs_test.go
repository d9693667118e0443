package bookcsv_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"bookstall/recommendations/internal/bookcsv"
)

// The readers must accept the examples of docs/data-formats.md, and its tables
// must name every column.
func TestDocumentation(t *testing.T) {
	content, err := os.ReadFile("../../../docs/data-formats.md")
	if err != nil {
		t.Fatal(err)
	}
	document := string(content)
	for name := range strings.SplitSeq(strings.TrimSpace(writtenHeader)+",user_id,rating,label,kind,id,at", ",") {
		if !strings.Contains(document, "`"+name+"`") {
			t.Errorf("column %s is not described", name)
		}
	}
	books, err := bookcsv.NewBookReader("example", strings.NewReader(example(t, document, "book_id,title,")))
	if err != nil {
		t.Fatal(err)
	}
	ratings, err := bookcsv.NewRatingReader("example", strings.NewReader(example(t, document, "user_id,book_id,rating")))
	if err != nil {
		t.Fatal(err)
	}
	samples, err := bookcsv.NewSampleReader("example", strings.NewReader(example(t, document, "user_id,label")))
	if err != nil {
		t.Fatal(err)
	}
	interactions, err := bookcsv.NewInteractionReader("example", strings.NewReader(example(t, document, "user_id,book_id,kind")))
	if err != nil {
		t.Fatal(err)
	}
	n := []int{len(readAll(t, books)), len(readAll(t, ratings)), len(readAll(t, samples)), len(readAll(t, interactions))}
	if !slices.Equal(n, []int{3, 2, 1, 2}) {
		t.Errorf("the examples have %v rows", n)
	}
}

// example returns the indented block that begins with the given header.
func example(t *testing.T, document, header string) string {
	t.Helper()
	_, rest, ok := strings.Cut(document, "\n    "+header)
	if !ok {
		t.Fatalf("no example begins with %s", header)
	}
	block, _, _ := strings.Cut(header+rest, "\n\n")
	return strings.ReplaceAll(block, "\n    ", "\n")
}
