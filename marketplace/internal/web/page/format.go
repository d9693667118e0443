package page

import (
	"fmt"
	"strconv"
	"strings"

	"bookstall/marketplace/internal/catalog"
)

// formatSeries names the series of a book, and the place in it.
func formatSeries(b *catalog.Book) string {
	if b.SeriesNumber == "" {
		return b.Series
	}
	return b.Series + " #" + b.SeriesNumber
}

// authorsOf returns the authors of a book, and those who had another part in it.
func authorsOf(b *catalog.Book) (authors []string, others []catalog.Contributor) {
	if b.Author != "" {
		authors = append(authors, b.Author)
	}
	for _, c := range b.Contributors {
		if c.Role == "" {
			authors = append(authors, c.Name)
		} else {
			others = append(others, c)
		}
	}
	return authors, others
}

// paragraphs returns the parts of a text that blank lines separate.
func paragraphs(text string) (list []string) {
	for part := range strings.SplitSeq(text, "\n\n") {
		if part = strings.Trim(part, "\n"); strings.TrimSpace(part) != "" {
			list = append(list, part)
		}
	}
	return list
}

// formatYear writes a year; negative is BCE.
func formatYear(year int) string {
	if year < 0 {
		return fmt.Sprintf("%d BCE", -year)
	}
	return strconv.Itoa(year)
}
