package recommend

// Kind is what a reader did with a book.
type Kind string

// The kinds, as the JSON API names them.
const (
	View     Kind = "view"
	Like     Kind = "like"
	Unlike   Kind = "unlike" // removes a like
	Rating   Kind = "rating"
	Unrate   Kind = "unrate" // removes a rating
	Purchase Kind = "purchase"
)

// Kinds returns all kinds.
func Kinds() []Kind { return []Kind{View, Like, Unlike, Rating, Unrate, Purchase} }

// Interaction is one thing that a reader did with a book.
type Interaction struct {
	ID     string // idempotency key
	UserID int64
	BookID int64
	Kind   Kind
	Rating int // 1 to 5 if Kind is Rating, else 0
}

// Recorded is the result of recording an interaction.
type Recorded struct {
	Stored  bool  // false if it was stored before
	Version int64 // version of the reader's history after it
}

// Entry is the state of one book in a reader's history.
type Entry struct {
	BookID    int64
	Rating    int // 1 to 5; 0 for none
	Liked     bool
	Purchased bool
}

// History is what a reader has rated, liked and bought.
type History struct {
	Entries []Entry // latest change first
	Version int64
}
