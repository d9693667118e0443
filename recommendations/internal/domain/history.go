package domain

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Entry is what one reader has to do with one book.
type Entry struct {
	BookID    int64
	Stars     int // 1 to 5; 0 for none
	Liked     bool
	Purchased bool
	// Own is set once the reader changed the entry here: an import leaves it
	// alone from then on, also when nothing is left of it.
	Own bool
}

// Present reports whether the reader has the book, so that no shelf shows it.
func (e Entry) Present() bool { return e.Stars > 0 || e.Liked || e.Purchased }

// Positive reports whether the reader likes the book, so that others follow from
// it.
func (e Entry) Positive() bool { return e.Liked || e.Purchased || e.Stars >= PositiveStars }

// History is what one reader has to do with books, in order of the last change,
// the latest at the end. It is the sum of what was imported and of what the
// reader did; each book is in it once.
type History []Entry

// Apply adds an interaction and reports whether that changed anything. Doing the
// same twice changes nothing. What was never there can be taken back, too: an
// import does not bring it then.
func (h *History) Apply(i Interaction) bool {
	at := h.find(i.BookID)
	e := Entry{BookID: i.BookID}
	if at >= 0 {
		e = (*h)[at]
	}
	before := e
	switch i.Kind {
	case Like:
		e.Liked = true
	case Unlike:
		e.Liked = false
	case Rate:
		e.Stars = i.Stars
	case Unrate:
		e.Stars = 0
	case Purchase:
		e.Purchased = true
	default: // a view
		return false
	}
	if e.Own = true; e == before {
		return false
	}
	h.put(at, e)
	return true
}

// Import adds ratings from a file, each of another book, and reports whether that
// changed anything. What the reader did here counts more.
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
			(*h)[i].Stars = r.Stars // where it is: a file has no time
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

// put makes e the latest entry, in place of the one at index at if that is not
// negative.
func (h *History) put(at int, e Entry) {
	if at >= 0 {
		*h = append((*h)[:at], (*h)[at+1:]...)
	}
	*h = append(*h, e)
}

// The bits of an encoded entry above its stars.
const (
	starsMask    = 0x07
	likedBit     = 0x08
	purchasedBit = 0x10
	ownBit       = 0x20
)

// Encode returns the history in some 3 bytes an entry: for each the book as a
// varint and one byte of stars and flags. Millions of entries are kept, sent
// and held in memory like this.
func (h History) Encode() []byte {
	out := make([]byte, 0, 4*len(h))
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

// EachEntry calls yield for each entry of an encoded history, in order, and
// stops where it is damaged.
func EachEntry(encoded []byte, yield func(Entry)) error {
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
		if id == 0 || id > math.MaxInt64 || e.Stars > 5 {
			return fmt.Errorf("history has an entry that cannot be: book %d, flags %#x", id, flags)
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
