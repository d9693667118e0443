package catalog

import (
	"fmt"
	"math/rand/v2"
)

// shop returns a small catalogue with titles that are hard to search for.
func shop() Contents {
	return Contents{
		Version: "v1",
		Books: []Book{
			{ID: 1, Title: "The Hobbit", Author: "J.R.R. Tolkien", Series: "Middle-earth", Categories: []string{"fantasy", "classics"}, Popularity: 900},
			{ID: 2, Title: "Jane Eyre", Author: "Charlotte Brontë", Categories: []string{"classics"}, Popularity: 700},
			{ID: 3, Title: "One Hundred Years of Solitude", Author: "Gabriel García Márquez", Categories: []string{"classics"}, Popularity: 650},
			{ID: 4, Title: "Les Misérables", Author: "Victor Hugo", Categories: []string{"classics"}, Popularity: 500},
			{ID: 5, Title: "Catch-22", Author: "Joseph Heller", Categories: []string{"classics"}, Popularity: 640},
			{ID: 6, Title: "The Handmaid’s Tale", Author: "Margaret Atwood", Categories: []string{"science-fiction"}, Popularity: 600},
			{ID: 7, Title: "It", Author: "Stephen King", Categories: []string{"horror"}, Popularity: 300},
			{ID: 8, Title: "It Ends with Us", Author: "Colleen Hoover", Categories: []string{"romance"}, Popularity: 950},
			{ID: 9, Title: "Was It Murder?", Author: "James Hilton", Categories: []string{"mystery-thriller"}, Popularity: 990},
			{ID: 10, Title: "Smilla’s Sense of Snow", Author: "Peter Høeg", Categories: []string{"mystery-thriller"}, Popularity: 100},
			{ID: 11, Title: "The King’s Ransom", Author: "Ed McBain", Categories: []string{"mystery-thriller"}, Popularity: 20},
			{ID: 12, Title: "The Fellowship of the Ring", Author: "J. R. R. Tolkien", Series: "The Lord of the Rings #1", Categories: []string{"fantasy"}, Popularity: 900},
			{ID: 13, Title: "Straße der Träume", Author: "Anna Groß", Categories: []string{"fiction"}, Popularity: 1},
			{ID: 14, Title: "Beowulf", Categories: []string{"poetry"}, Popularity: 50},
		},
		Samples: []SampleReader{{ID: 7, Label: "Synthetic reader 7: fantasy"}},
	}
}

// many returns a catalogue of n generated books, the same on each call.
func many(n int) Contents {
	rng := rand.New(rand.NewPCG(1, 2))
	syllables := []string{"ka", "lo", "mi", "ter", "son", "be", "the", "ra", "vin", "do", "sha", "el", "wood", "ish", "an", "or"}
	word := func() string {
		w := ""
		for range 1 + rng.IntN(4) {
			w += syllables[rng.IntN(len(syllables))]
		}
		return w
	}
	c := Contents{Version: "many"}
	for id := range int64(n) {
		c.Books = append(c.Books, Book{
			ID:         id + 1,
			Title:      fmt.Sprintf("The %s of %s %s", word(), word(), word()),
			Author:     fmt.Sprintf("%c.%c. %s", 'A'+rune(rng.IntN(26)), 'A'+rune(rng.IntN(26)), word()),
			Categories: []string{fmt.Sprintf("category-%d", rng.IntN(18))},
			Popularity: int64(rng.IntN(1000)),
		})
	}
	return c
}

func ids(books []*Book) []int64 {
	list := []int64{}
	for _, b := range books {
		list = append(list, b.ID)
	}
	return list
}
