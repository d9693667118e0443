package server

import (
	"encoding/binary"
	"math"
	"sync/atomic"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/recommender"
)

// encodings keeps what answers say of a book in the form in which it is sent, from the first
// answer that has the book until the next version of the catalogue. Only the score and the
// reason of a book differ from answer to answer. It is safe for concurrent use.
type encodings struct{ of atomic.Pointer[encodedBooks] }

// encodedBooks are the books of one version of the catalogue, by position.
type encodedBooks struct {
	version string
	books   []atomic.Pointer[encodedBook]
}

type encodedBook struct {
	fields  []byte // the fields of a Recommendation before its score
	because []byte // the field because of a Recommendation that has this book for its reason
}

// The numbers of fields in recommendations.proto.
const (
	recommendationsField = 1 // of each message that has a shelf
	scoreField           = 5
	becauseField         = 6
)

// put adds the books of a shelf to an answer, whose first field they are. They are in its unknown
// fields, which protobuf sends as they are, and are there only for the caller.
func (e *encodings) put(answer proto.Message, shelf recommender.Shelf, catalog domain.Catalog) bool {
	if shelf.CatalogVersion != catalog.Version {
		return false // the catalogue was replaced meanwhile
	}
	now := e.of.Load()
	if now == nil || now.version != catalog.Version {
		now = &encodedBooks{version: catalog.Version, books: make([]atomic.Pointer[encodedBook], len(catalog.Books))}
		e.of.Store(now) // of two calls at a time, one keeps what it encodes for itself
	}
	to := make([]byte, 0, now.most(shelf))
	for _, item := range shelf.Items {
		book, err := now.book(item.Book, item.Index)
		if err != nil {
			return false
		}
		var because []byte
		if item.Because != nil {
			reason, err := now.book(item.Because, item.BecauseIndex)
			if err != nil {
				return false
			}
			because = reason.because
		}
		size := len(book.fields) + len(because)
		scored := math.Float64bits(item.Score) != 0 // protobuf does not send the default
		if scored {
			size += protowire.SizeTag(scoreField) + protowire.SizeFixed64()
		}
		to = protowire.AppendTag(to, recommendationsField, protowire.BytesType)
		to = protowire.AppendVarint(to, uint64(size))
		to = append(to, book.fields...)
		if scored {
			to = protowire.AppendTag(to, scoreField, protowire.Fixed64Type)
			to = binary.LittleEndian.AppendUint64(to, math.Float64bits(item.Score))
		}
		to = append(to, because...)
	}
	answer.ProtoReflect().SetUnknown(to)
	return true
}

// around is more than the tags, the length and the score of a book take.
const around = 20

// unknownSize is about what a book takes that is not encoded yet.
const unknownSize = 128

// most returns about how much the books of a shelf take, and not less once all are encoded.
func (e *encodedBooks) most(shelf recommender.Shelf) (n int) {
	for _, item := range shelf.Items {
		n += around
		if book := e.books[item.Index].Load(); book != nil {
			n += len(book.fields)
		} else {
			n += unknownSize
		}
		if item.Because != nil {
			if reason := e.books[item.BecauseIndex].Load(); reason != nil {
				n += len(reason.because)
			}
		}
	}
	return n
}

// book returns an encoded book of the catalogue. The error is that of a text that is not UTF-8.
func (e *encodedBooks) book(b *domain.Book, position int32) (*encodedBook, error) {
	if known := e.books[position].Load(); known != nil {
		return known, nil
	}
	fields, err := proto.Marshal(&recommendationsv1.Recommendation{BookId: b.ID, Title: b.Title, Author: b.Author, Categories: b.Categories})
	if err != nil {
		return nil, err
	}
	because, err := proto.Marshal(&recommendationsv1.Because{BookId: b.ID, Title: b.Title})
	if err != nil {
		return nil, err
	}
	field := protowire.AppendBytes(protowire.AppendTag(nil, becauseField, protowire.BytesType), because)
	book := &encodedBook{fields: fields, because: field}
	e.books[position].Store(book) // of two that come at once, both are the same
	return book, nil
}
