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

	Want       Kind = "want"       // puts the book on the list of those to read
	Unwant     Kind = "unwant"     // takes it off
	Dismiss    Kind = "dismiss"    // keeps it off all shelves
	Undismiss  Kind = "undismiss"  // takes back a dismissal
	Unpurchase Kind = "unpurchase" // takes back a purchase
)

// Kinds returns all kinds.
func Kinds() []Kind {
	return []Kind{View, Like, Unlike, Rating, Unrate, Purchase, Want, Unwant, Dismiss, Undismiss, Unpurchase}
}

// Interaction is one thing that a reader did with a book.
type Interaction struct {
	ID         string // idempotency key
	UserID     int64
	Generation int64 // see HistoryQuery
	BookID     int64
	Kind       Kind
	Rating     int // 1 to 5 if Kind is Rating, else 0
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
	Wanted    bool // on the list of books to read
	Dismissed bool // never together with Wanted
}

// Own reports whether the reader has liked, rated or bought the book.
func (e Entry) Own() bool { return e.Liked || e.Purchased || e.Rating > 0 }

// HistoryQuery asks for a reader's history.
type HistoryQuery struct {
	UserID int64
	// Generation is the one in which the caller knows the reader: it ends when the reader is
	// forgotten, and so does what the caller may see and do. 0 is not checked.
	Generation int64
	MinVersion int64 // the oldest version to answer with; 0 for any
}

// History is what a reader has rated, liked, bought, put on the list of books to read, or
// dismissed.
type History struct {
	Entries []Entry // latest change first
	Version int64
}
