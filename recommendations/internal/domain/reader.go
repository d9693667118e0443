package domain

import "fmt"

// Reader is what is stored about one reader.
type Reader struct {
	ID int64
	// Seq is the sequence number of the last commit that changed the history; 0
	// for a reader without one.
	Seq int64
	// Forgotten is set once the reader asked to be forgotten. What came before is
	// deleted, and imports do not bring it back.
	Forgotten bool
	// Generation counts from FirstGeneration, one more each time the reader is forgotten:
	// a cookie of an older one has ended. 0 if nothing is stored about the reader.
	Generation int64
	History    []byte // result of History.Encode; never changed in place
}

// FirstGeneration is the generation of readers who were never forgotten.
const FirstGeneration = 1

// ForgottenReader is a reader who was forgotten, and the generation since.
type ForgottenReader struct{ ID, Generation int64 }

// MaxGeneration bounds the generations that callers may name.
const MaxGeneration = 1 << 31

// Ended reports whether a generation that a caller knows is over, because the reader was
// forgotten since. 0, for callers that do not know it, never is.
func (r Reader) Ended(generation int64) bool { return generation != 0 && generation < r.Generation }

// Status is what became of an interaction that was to be stored.
type Status uint8

// The statuses.
const (
	Stored    Status = 1 + iota // new, and durable now
	Repeated                    // stored before, with the same id and content
	Conflict                    // refused: the id belongs to another interaction
	Forgotten                   // refused: the reader was forgotten since the generation that it names
)

// String returns the name of the status, as metrics have it.
func (s Status) String() string {
	switch s {
	case Stored:
		return "stored"
	case Repeated:
		return "repeated"
	case Conflict:
		return "conflict"
	case Forgotten:
		return "forgotten"
	}
	return fmt.Sprintf("Status(%d)", uint8(s))
}

// Outcome is the result of recording one interaction.
type Outcome struct {
	Status Status
	Reader Reader // the reader as stored now; its Seq covers the interaction
}

// Visitors of the shop without an id of their own get random ids of this range, which JSON
// carries exactly. Only the shop makes them: an import that names one would write into the
// history of a stranger.
const (
	FirstVisitor = 1 << 52
	LastVisitor  = 1<<53 - 1
)

// Nobody is the id by which the shop asks for the shelf of a visitor who has no id yet.
// Nothing is stored for it.
const Nobody = LastVisitor

// CheckWriter returns why nothing can be stored for an id, "" if it can.
func CheckWriter(id int64) string {
	switch {
	case id <= 0:
		return fmt.Sprintf("is %d, want a whole number from 1", id)
	case id == Nobody:
		return fmt.Sprintf("is %d, the id of nobody", id)
	}
	return ""
}

// IsVisitor reports whether an id is of the range of visitors.
func IsVisitor(id int64) bool { return id >= FirstVisitor && id <= LastVisitor }
