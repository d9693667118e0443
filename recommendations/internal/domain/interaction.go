package domain

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind is what a reader did with a book.
type Kind uint8

// The kinds. All but View change the reader's history.
const (
	View     Kind = 1 + iota // opened its page
	Like                     // likes it
	Unlike                   // takes back Like
	Rate                     // gave it stars
	Unrate                   // takes back Rate
	Purchase                 // bought it

	// Those below came after 0.1.0.

	Want       // wants to read it
	Unwant     // takes back Want
	Dismiss    // never wants to see it on a shelf
	Undismiss  // takes back Dismiss
	Unpurchase // takes back Purchase

	lastKind = Unpurchase
)

// Newer reports whether programs of version 0.1.0 do not know the kind. They refuse it on the
// wire, and cannot read it in a store.
func (k Kind) Newer() bool { return k > Purchase }

// kindNames returns the names of the kinds in JSON, files and the store.
func kindNames() []string {
	return []string{
		View: "view", Like: "like", Unlike: "unlike", Rate: "rating", Unrate: "unrate", Purchase: "purchase",
		Want: "want", Unwant: "unwant", Dismiss: "dismiss", Undismiss: "undismiss", Unpurchase: "unpurchase",
	}
}

// KindNames lists the names of all kinds, for messages.
func KindNames() []string { return kindNames()[View:] }

// ParseKind returns the kind of a name, or an error that lists the names.
func ParseKind(name string) (Kind, error) {
	for k, n := range kindNames() {
		if n == name && n != "" {
			return Kind(k), nil
		}
	}
	return 0, fmt.Errorf("%.40q is not one of %s", name, strings.Join(KindNames(), ", "))
}

// String returns the name of the kind.
func (k Kind) String() string {
	if names := kindNames(); k >= View && int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Interaction is one action of a reader on a book.
type Interaction struct {
	// ID is an idempotency key chosen by the caller: 1 to 128 printable ASCII
	// characters without spaces.
	ID     string
	UserID int64 // > 0
	BookID int64 // > 0
	Kind   Kind
	Stars  int       // 1 to 5 for Rate, else 0
	At     time.Time // when it was stored, to the microsecond; zero before
	// Generation is the reader's, as far as the caller knows; 0 is not checked. It is not
	// stored.
	Generation int64
}

// MaxInteractionID bounds Interaction.ID, in bytes.
const MaxInteractionID = 128

// FieldError is an invalid field of an input.
type FieldError struct {
	Field  string // field name on the wire, e.g. "rating"
	Reason string
}

func (e *FieldError) Error() string { return e.Field + " " + e.Reason }

// Validate returns a *FieldError for each field that is out of its range, joined.
func (i Interaction) Validate() error {
	var errs []error
	wrong := func(field, format string, args ...any) {
		errs = append(errs, &FieldError{Field: field, Reason: fmt.Sprintf(format, args...)})
	}
	if reason := CheckWriter(i.UserID); reason != "" {
		wrong("user_id", "%s", reason)
	}
	if i.BookID <= 0 {
		wrong("book_id", "is %d, want a whole number from 1", i.BookID)
	}
	if i.Generation < 0 || i.Generation > MaxGeneration {
		wrong("generation", "is %d, want 0 to %d", i.Generation, MaxGeneration)
	}
	switch {
	case i.Kind < View || i.Kind > lastKind:
		wrong("kind", "is unknown, want one of %s", strings.Join(KindNames(), ", "))
	case i.Kind == Rate && (i.Stars < 1 || i.Stars > 5):
		wrong("rating", "is %d, want 1 to 5", i.Stars)
	case i.Kind != Rate && i.Stars != 0:
		wrong("rating", "is %d, but belongs to the kind rating only", i.Stars)
	}
	if !validInteractionID(i.ID) {
		wrong("id", "must be 1 to %d printable ASCII characters without spaces", MaxInteractionID)
	}
	return errors.Join(errs...)
}

func validInteractionID(id string) bool {
	strange := func(r rune) bool { return r <= ' ' || r >= 0x7f }
	return id != "" && len(id) <= MaxInteractionID && !strings.ContainsFunc(id, strange)
}

// Same reports whether two interactions with the same id have the same content: then
// the second is a retry and not a conflict.
func (i Interaction) Same(other Interaction) bool {
	i.At, other.At = time.Time{}, time.Time{}
	i.Generation, other.Generation = 0, 0
	return i == other
}
