package recommend

// Kind is what a reader did with a book.
type Kind string

// The kinds, as the JSON API names them.
const (
	View     Kind = "view"
	Like     Kind = "like"
	Unlike   Kind = "unlike" // takes a like back
	Rating   Kind = "rating"
	Unrate   Kind = "unrate" // takes a rating back
	Purchase Kind = "purchase"
)

// Kinds returns all kinds.
func Kinds() []Kind { return []Kind{View, Like, Unlike, Rating, Unrate, Purchase} }

// Interaction is one thing that a reader did with a book.
type Interaction struct {
	ID     string // the same id again is the same interaction
	UserID int64
	BookID int64
	Kind   Kind
	Rating int // 1 to 5 for a rating, else 0
}

// Recorded says what became of an interaction.
type Recorded struct {
	Stored  bool  // false when it had been stored before
	Version int64 // of the reader's history, now
}

// Entry is what a reader has to do with one book.
type Entry struct {
	BookID    int64
	Rating    int // 1 to 5; 0 for none
	Liked     bool
	Purchased bool
}

// History is what a reader has to do with books.
type History struct {
	Entries []Entry // the latest change first
	Version int64
}
