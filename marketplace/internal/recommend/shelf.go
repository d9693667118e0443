package recommend

// Source says what a shelf was made from.
type Source string

// The sources, as the JSON API names them.
const (
	Personal Source = "personal" // the reader's own history
	Popular  Source = "popular"  // what all readers like; the reader has no history that counts
	Similar  Source = "similar"  // what readers of one book also like
	Fallback Source = "fallback" // the shop's own bestsellers: recommendations did not answer
)

// Item is one recommended book.
type Item struct {
	BookID     int64
	Title      string
	Author     string
	Categories []string // slugs, the main one first
	Score      float64  // higher is better; comparable within one shelf only

	// BecauseID and BecauseTitle name the book of the reader's history that
	// this one follows from; 0 and "" when popularity put it here.
	BecauseID    int64
	BecauseTitle string
}

// Shelf is an ordered list of recommended books, best first.
type Shelf struct {
	Items    []Item
	Source   Source
	ServedBy string // name of the replica; "" on fallback
}
