package domain

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Entry is what a reader did with one book.
type Entry struct {
	BookID    int64
	Stars     int // 1 to 5; 0 for none
	Liked     bool
	Purchased bool
	Wanted    bool // on the list of books that the reader wants to read
	Dismissed bool // not for this reader; never set together with Wanted
	// Own is set once the reader changed the entry here. From then on imports leave
	// it alone, even if the reader took everything back.
	Own bool
}

// Present reports whether the entry says anything about the book: whether the reader has it,
// wants it or has dismissed it. Shelves do not show such books.
func (e Entry) Present() bool {
	return e.Stars > 0 || e.Liked || e.Purchased || e.Wanted || e.Dismissed
}

// Positive reports whether the reader likes the book. Recommendations follow from
// such books. One that is dismissed says nothing, whatever else the reader did with it.
func (e Entry) Positive() bool {
	return !e.Dismissed && (e.Liked || e.Purchased || e.Stars >= PositiveStars)
}

// History is what a reader did with books: imported ratings and interactions, one
// entry per book, in order of the last change, latest last.
type History []Entry

// Apply applies an interaction and reports whether that changed anything. Applying it
// twice changes nothing. A reader may also take back what is not there: then an import
// does not bring it.
func (h *History) Apply(i Interaction) bool {
	at := h.find(i.BookID)
	e := Entry{BookID: i.BookID}
	if at >= 0 {
		e = (*h)[at]
	}
	before := e
	switch i.Kind {
	case Like:
		e.Liked, e.Dismissed = true, false
	case Unlike:
		e.Liked = false
	case Rate: // then the reader has read it
		e.Stars, e.Wanted, e.Dismissed = i.Stars, false, false
	case Unrate:
		e.Stars = 0
	case Purchase:
		e.Purchased, e.Dismissed = true, false
	case Unpurchase:
		e.Purchased = false
	case Want:
		e.Wanted, e.Dismissed = true, false
	case Unwant:
		e.Wanted = false
	case Dismiss:
		e.Wanted, e.Dismissed = false, true
	case Undismiss:
		e.Dismissed = false
	default: // a view
		return false
	}
	if e.Own = true; e == before {
		return false
	}
	h.put(at, e)
	return true
}

// Import adds ratings of a file, at most one per book, and reports whether that changed
// anything. Entries that the reader changed here stay.
func (h *History) Import(ratings []Rating) (changed bool) {
	at := make(map[int64]int, len(*h))
	for i, e := range *h {
		at[e.BookID] = i
	}
	for _, r := range ratings {
		i, ok := at[r.BookID]
		switch {
		case !ok:
			*h = append(*h, Entry{BookID: r.BookID, Stars: r.Stars})
			changed = true
		case !(*h)[i].Own && (*h)[i].Stars != r.Stars:
			(*h)[i].Stars = r.Stars // keeps its place: ratings in a file have no time
			changed = true
		}
	}
	return changed
}

func (h *History) find(bookID int64) int {
	for i := len(*h) - 1; i >= 0; i-- {
		if (*h)[i].BookID == bookID {
			return i
		}
	}
	return -1
}

// put makes e the latest entry. It removes the entry at index at, unless that is
// negative.
func (h *History) put(at int, e Entry) {
	if at >= 0 {
		*h = append((*h)[:at], (*h)[at+1:]...)
	}
	*h = append(*h, e)
}

// The bits of an encoded entry.
const (
	starsMask    = 0x07
	likedBit     = 0x08
	purchasedBit = 0x10
	ownBit       = 0x20
)

// Marks come before the entries of an encoded history: a book that the reader wants once, one
// that the reader dismissed twice, with no flags. Programs of version 0.1.0 take marks for
// entries of nothing, and keep them in place when they change another entry or that one:
// they find a book's last entry. A bit of the flags they would lose.
const (
	wantedMarks    = 1
	dismissedMarks = 2
)

func (e Entry) marks() int {
	switch {
	case e.Wanted:
		return wantedMarks
	case e.Dismissed:
		return dismissedMarks
	}
	return 0
}

// Encode returns the history in about 3 bytes per entry or mark: the book as a varint, and one
// byte of stars and flags. Stores and replicas hold millions of entries in this form.
func (h History) Encode() []byte {
	out := make([]byte, 0, 4*len(h))
	for _, e := range h {
		for range e.marks() {
			out = append(binary.AppendUvarint(out, uint64(e.BookID)), 0)
		}
	}
	for _, e := range h {
		out = binary.AppendUvarint(out, uint64(e.BookID))
		flags := byte(e.Stars) & starsMask
		if e.Liked {
			flags |= likedBit
		}
		if e.Purchased {
			flags |= purchasedBit
		}
		if e.Own {
			flags |= ownBit
		}
		out = append(out, flags)
	}
	return out
}

var errCutShort = errors.New("history is cut short")

// EachEntry calls yield for each entry of an encoded history, in order. At damage it
// stops with an error.
func EachEntry(encoded []byte, yield func(Entry)) error {
	var marks map[uint64]int // by book; most histories have none
	entries := false
	for len(encoded) > 0 {
		id, n := binary.Uvarint(encoded)
		if n <= 0 || n >= len(encoded) {
			return errCutShort
		}
		flags := encoded[n]
		encoded = encoded[n+1:]
		e := Entry{
			BookID: int64(id), Stars: int(flags & starsMask),
			Liked: flags&likedBit != 0, Purchased: flags&purchasedBit != 0, Own: flags&ownBit != 0,
		}
		mark := flags == 0
		if id == 0 || id > math.MaxInt64 || e.Stars > 5 || mark && (entries || marks[id] == dismissedMarks) {
			return fmt.Errorf("history has an impossible entry: book %d, flags %#x", id, flags)
		}
		if mark {
			if marks == nil {
				marks = map[uint64]int{}
			}
			marks[id]++
			continue
		}
		entries = true
		if n := marks[id]; n > 0 {
			e.Wanted, e.Dismissed = n == wantedMarks, n == dismissedMarks
			delete(marks, id)
		}
		yield(e)
	}
	return nil
}

// DecodeHistory is the reverse of Encode.
func DecodeHistory(encoded []byte) (History, error) {
	var h History
	err := EachEntry(encoded, func(e Entry) { h = append(h, e) })
	return h, err
}
