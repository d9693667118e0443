package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"bookstall/recommendations/internal/library"
)

// difference is one fact on which the catalogues do not agree.
type difference struct{ what, ours, theirs string }

func (d difference) String() string {
	return fmt.Sprintf("%s: ours %q, theirs %q", d.what, d.ours, d.theirs)
}

// report writes a line for each book, and the counts.
func report(out io.Writer, books []library.Book, x *index) {
	found, missing, wrong := 0, 0, map[string]int{}
	mismatching := 0
	for _, b := range books {
		name := fmt.Sprintf("%d %s, %s (%s)", b.ID, b.Title, b.Author, formatYear(b.Year))
		m, ok := x.find(b)
		if !ok {
			missing++
			fmt.Fprintln(out, "not found:", name)
			continue
		}
		differences := m.differences(b)
		if len(differences) == 0 {
			found++
			fmt.Fprintln(out, "found:", name)
			continue
		}
		mismatching++
		texts := make([]string, len(differences))
		for i, d := range differences {
			wrong[d.what]++
			texts[i] = d.String()
		}
		fmt.Fprintf(out, "mismatch: %s: %s (line %d: %s)\n", name, strings.Join(texts, "; "), m.entry.line, m.entry.titles[0])
	}
	fmt.Fprintf(out, "%d books: %d found, %d not found, %d mismatching (title %d, author %d, year %d)\n",
		len(books), found, missing, mismatching, wrong["title"], wrong["author"], wrong["year"])
}

func formatYear(year int) string {
	if year == 0 {
		return "unknown"
	}
	return strconv.Itoa(year)
}
