package recommend

// Source tells where the books of a shelf come from.
type Source string

// The sources, as the JSON API names them.
const (
	Personal Source = "personal" // the reader's own history
	Popular  Source = "popular"  // books that most readers like, for a reader without enough history
	Similar  Source = "similar"  // books that readers of one book also like
	Fallback Source = "fallback" // the shop's own bestsellers, because recommendations did not answer
)

// Item is one recommended book.
type Item struct {
	BookID     int64
	Title      string
	Author     string
	Categories []string // slugs, the main one first
	Score      float64  // higher is better; comparable within one shelf only

	New bool // whether the shop marks it as new

	// BecauseID and BecauseTitle name the book of the reader's history that this one
	// was derived from; 0 and "" if it was chosen by popularity.
	BecauseID    int64
	BecauseTitle string
}

// Reason is a book of a reader's history that puts another on the shelf.
type Reason struct {
	BookID int64
	Title  string
}

// Shelf is an ordered list of recommended books, best first.
type Shelf struct {
	Items    []Item
	Source   Source
	ServedBy string // name of the replica; "" for a fallback
	Version  int64  // version of the reader's history that it was made from; 0 for none
	Cause    error  // cause of a fallback, such as ErrOverloaded; else nil
	// Forgotten is set if the reader was forgotten since the generation of the query. Then
	// the shelf is that of somebody new.
	Forgotten bool
}

// Variety says how far a shelf goes from what its reader knows.
type Variety string

// The steps, as the JSON API names them, but for the first.
const (
	ByScore  Variety = "" // the order of the scores
	Close    Variety = "close"
	Balanced Variety = "balanced"
	Far      Variety = "far"
)

// Query asks for a reader's shelf.
type Query struct {
	UserID     int64
	Generation int64  // see HistoryQuery
	Category   string // slug; "" for all
	MaxResults int
	Variety    Variety
	// MinVersion is the oldest version of the reader's history that the shelf may be
	// made from; 0 for any. Writes through this client are included in any case.
	MinVersion int64
}

// Change is a reader's shelf after a change of the reader's history.
type Change struct {
	Shelf

	CauseID    int64  // book whose entry changed last; 0 for none
	CauseTitle string // title of that book
	Entry      Entry  // its entry after the change
}
