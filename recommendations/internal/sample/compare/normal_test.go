package main

import "testing"

func TestTitles(t *testing.T) {
	for _, test := range []struct {
		ours, theirs string
		want         likeness
	}{
		{"The Hobbit", "The Hobbit", wholly},
		{"The Hobbit", "hobbit", wholly},
		{"The Hobbit", "Hobbit, The", wholly},
		{"The Fellowship of the Ring", "The Fellowship of the Ring (The Lord of the Rings, #1)", wholly},
		{"Les Misérables", "Les Miserables (Annotated) (Signet)", wholly},
		{"Angels & Demons", "Angels and Demons  (Robert Langdon, #1)", wholly},
		{"Ender's Game", "Enders Game", wholly},
		{"Shōgun", "Shōgun", wholly},
		{"(500) Days", "500 Days", wholly},
		{"Sapiens", "Sapiens: A Brief History of Humankind", mostly},
		{"Frankenstein", "Frankenstein; or, The Modern Prometheus", mostly},
		{"Preludes & Nocturnes", "The Sandman, Vol. 1: Preludes and Nocturnes", mostly},
		{"Einstein: His Life and Universe", "Einstein", mostly},
		{"Born to Run: A Hidden Tribe", "Born to Run: The Race", partly},
		{"Dune", "Dune Messiah", different},
		{"", "The", different},
	} {
		if got := compareTitles(keysOf(test.ours), []string{"x", test.theirs}); got != test.want {
			t.Errorf("%q and %q: likeness %d, want %d", test.ours, test.theirs, got, test.want)
		}
	}
}

func TestAuthors(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"J.R.R. Tolkien", "J. R R Tolkien", true},
		{"J.R.R. Tolkien", "JRR Tolkien", true},
		{"Jo Nesbø", "Jo Nesbo", true},
		{"Stephen E. Ambrose", "Stephen Ambrose", true},
		{"C.S. Lewis", "Clive Staples Lewis", true},
		{"Walter M. Miller Jr.", "Walter M. Miller", true},
		{"Gabriel García Márquez", "Gabriel Garcia Marquez", true},
		{"Anonymous", "Unknown", true},
		{"Anonymous", "", true},
		{"Emily Brontë", "Charlotte Brontë", false},
		{"Homer", "Winslow Homer", false},
		{"Homer", "Anonymous", false},
		{"Stephen King", "Laurie King", false},
	} {
		if got := sameAuthor(test.a, test.b); got != test.want {
			t.Errorf("%q and %q: %t, want %t", test.a, test.b, got, test.want)
		}
		if got := sameAuthor(test.b, test.a); got != test.want {
			t.Errorf("%q and %q: %t the other way round, want %t", test.b, test.a, got, test.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"abc", "", 3}, {"ilyich", "ilych", 1}, {"kitten", "sitting", 3}, {"é", "e", 1},
	} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("%q to %q: %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
