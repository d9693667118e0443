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
	Version  int64  // of the history that it was made from; 0 for none
	Cause    error  // why it is a fallback, such as ErrOverloaded; nil for all others
}

// Query asks for a reader's shelf.
type Query struct {
	UserID     int64
	Category   string // slug; "" for all
	MaxResults int
	// MinVersion is a version of the reader's history that must count, besides
	// those of the writes that went through this client; 0 for none.
	MinVersion int64
}

// Change is a reader's shelf after a change of the reader's history.
type Change struct {
	Shelf

	CauseID    int64  // the book whose entry changed last; 0 when there is none
	CauseTitle string // of that book
	Entry      Entry  // what the reader has to do with it now
}
