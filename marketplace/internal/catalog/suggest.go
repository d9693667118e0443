package catalog

import "strings"

// Suggestions are what somebody may be looking for who has typed the beginning of a text, the
// best of each kind first.
type Suggestions struct {
	Books      []*Book
	Authors    []Name
	Series     []Name
	Categories []Category
}

// Suggest returns suggestions for a text: the books that List finds, and the names that have words
// with the beginnings in it.
func (c *Catalog) Suggest(text string) Suggestions {
	const books, authors, others = 5, 3, 2
	var found Suggestions
	if strings.TrimSpace(text) == "" {
		return found
	}
	found.Books = c.List(Query{Text: text, Limit: books}).Books
	key := FoldName(text)
	if key == "" {
		return found
	}
	words := strings.Split(key, "-")
	s := c.current.Load()
	found.Authors, found.Series = s.authors.begin(words, authors), s.series.begin(words, others)
	for _, category := range s.categories {
		if len(found.Categories) < others && begin(FoldName(category.Name), words) {
			found.Categories = append(found.Categories, category)
		}
	}
	return found
}

// begin returns the most popular names with the beginnings of words.
func (n *names) begin(words []string, most int) (found []Name) {
	for _, name := range n.list {
		if begin(name.Key, words) {
			if found = append(found, name); len(found) == most {
				break
			}
		}
	}
	return found
}

// begin reports whether each of some beginnings is that of a word of a folded name.
func begin(key string, words []string) bool {
	for _, word := range words {
		if !strings.HasPrefix(key, word) && !strings.Contains(key, "-"+word) {
			return false
		}
	}
	return true
}
