package catalog

import (
	"cmp"
	"slices"
	"strings"
)

// Category is a category that lists books.
type Category struct {
	Slug  string
	Name  string
	Count int // number of books
}

// CategoryName returns the display name of a category. An unknown slug is
// capitalised: "true-crime" becomes "True Crime".
func CategoryName(slug string) string {
	switch slug {
	case "mystery-thriller":
		return "Mystery & Thriller"
	case "biography-memoir":
		return "Biography & Memoir"
	case "religion-philosophy":
		return "Religion & Philosophy"
	case "science-business":
		return "Science & Business"
	case "children":
		return "Children’s Books"
	case "non-fiction":
		return "Non-Fiction"
	case "self-help":
		return "Self-Help"
	}
	words := strings.Split(slug, "-")
	for i, w := range words {
		if w != "" {
			words[i] = strings.ToUpper(w[:1]) + w[1:] // slugs are ASCII
		}
	}
	return strings.Join(words, " ")
}

func newCategories(byCategory map[string][]int32) []Category {
	list := make([]Category, 0, len(byCategory))
	for slug, ranks := range byCategory {
		if len(ranks) == 0 {
			continue
		}
		list = append(list, Category{Slug: slug, Name: CategoryName(slug), Count: len(ranks)})
	}
	slices.SortFunc(list, func(a, b Category) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Slug, b.Slug))
	})
	return list
}

// byPopularity compares books so that the most popular comes first.
func byPopularity(a, b Book) int {
	return cmp.Or(cmp.Compare(b.Popularity, a.Popularity), cmp.Compare(a.ID, b.ID))
}
