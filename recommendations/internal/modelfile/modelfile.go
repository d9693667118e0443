// Package modelfile turns a trained model into bytes and back: a format with a
// version and a checksum, which names books by id and so outlives changes of the
// catalogue. docs/data-formats.md describes it.
//
// Equal models make equal bytes: there is no time in it, and no map. It must not
// import a store, gRPC, HTTP, metrics or tracing.
package modelfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/engine"
)

var (
	// ErrDamaged says that the bytes are not what was written, or not a model at all.
	ErrDamaged = errors.New("model is damaged")
	// ErrUnknownFormat says that a newer program wrote the model.
	ErrUnknownFormat = errors.New("model has an unknown format")
	// ErrForeign says that the model is of other books than the catalogue's.
	ErrForeign = errors.New("model is of another catalogue")
)

// Metadata says what a model was made from and how good it is.
type Metadata struct {
	Method          string        `json:"method"`
	Parameters      engine.Params `json:"parameters"`
	CatalogVersion  string        `json:"catalog_version"`
	DataFingerprint string        `json:"data_fingerprint"` // SHA-256 of who likes what
	Books           int           `json:"books"`
	Readers         int           `json:"readers"` // with at least one positive
	Positives       int           `json:"positives"`
	Weights         int           `json:"weights"`
	// Metrics were measured with a part of the readers held out, by a model that
	// did not see them; absent when nobody measured.
	Metrics *Metrics `json:"metrics,omitempty"`
}

// Metrics are those of docs/recommender.md, on held-out readers.
type Metrics struct {
	Readers    int     `json:"readers"`
	NDCG100    float64 `json:"ndcg@100"`
	Recall20   float64 `json:"recall@20"`
	Recall50   float64 `json:"recall@50"`
	Coverage20 float64 `json:"coverage@20"`
}

// Model is a trained model and the books it is of.
type Model struct {
	Metadata Metadata
	Books    []BookKey // of the items, ascending by id
	Weights  engine.Model
}

// BookKey names a book. The mark tells apart books of two catalogues that
// happen to have the same id.
type BookKey struct {
	ID   int64
	Mark uint32
}

// KeyOf returns the key of a book.
func KeyOf(b domain.Book) BookKey {
	h := fnv.New32a()
	_, _ = h.Write([]byte(b.Title + "\x00" + b.Author))
	return BookKey{ID: b.ID, Mark: h.Sum32()}
}

const (
	magic   = "bookstall model\n"
	format  = 1
	sumSize = sha256.Size
)

// Encode returns the model as bytes.
func Encode(m Model) ([]byte, error) {
	if err := m.Weights.Validate(); err != nil {
		return nil, err
	}
	if len(m.Books) != m.Weights.Items() {
		return nil, fmt.Errorf("%d books for a model of %d", len(m.Books), m.Weights.Items())
	}
	metadata, err := json.Marshal(m.Metadata)
	if err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	out := make([]byte, 0, len(magic)+len(metadata)+12*len(m.Books)+6*len(m.Weights.Targets)+64)
	out = append(out, magic...)
	out = binary.LittleEndian.AppendUint32(out, format)
	out = binary.AppendUvarint(out, uint64(len(metadata)))
	out = append(out, metadata...)
	out = binary.AppendUvarint(out, uint64(len(m.Books)))
	last := int64(0)
	for i, b := range m.Books {
		if b.ID <= last {
			return nil, fmt.Errorf("book %d after book %d, want ascending ids from 1", b.ID, last)
		}
		out = binary.AppendUvarint(out, uint64(b.ID-last))
		out = binary.LittleEndian.AppendUint32(out, b.Mark)
		out = binary.AppendUvarint(out, uint64(m.Weights.Counts[i]))
		last = b.ID
	}
	for i := range m.Books {
		targets, _ := m.Weights.Row(i)
		out = binary.AppendUvarint(out, uint64(len(targets)))
		before := int32(-1)
		for _, t := range targets {
			out = binary.AppendUvarint(out, uint64(t-before))
			before = t
		}
	}
	for _, w := range m.Weights.Weights {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(w))
	}
	sum := sha256.Sum256(out)
	return append(out, sum[:]...), nil
}

// Version is the name of encoded bytes: equal models have equal versions.
func Version(encoded []byte) string {
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:6])
}

// Decode reads what Encode wrote, and checks all of it.
//
// Errors: ErrDamaged, ErrUnknownFormat.
func Decode(encoded []byte) (Model, error) {
	if len(encoded) < len(magic)+4+sumSize || !bytes.HasPrefix(encoded, []byte(magic)) {
		return Model{}, fmt.Errorf("%w: it does not begin like one", ErrDamaged)
	}
	body, sum := encoded[:len(encoded)-sumSize], encoded[len(encoded)-sumSize:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) {
		return Model{}, fmt.Errorf("%w: the checksum does not fit", ErrDamaged)
	}
	r := &reader{rest: body[len(magic):]}
	if got := r.uint32(); got != format {
		return Model{}, fmt.Errorf("%w: %d, this program knows %d", ErrUnknownFormat, got, format)
	}
	m, err := r.model()
	if err != nil {
		return Model{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return m, nil
}

// reader takes values from the front of rest; once something is missing it
// gives zeros.
type reader struct {
	rest []byte
	err  error
}

var errShort = errors.New("it is cut short")

func (r *reader) uint32() uint32 {
	if len(r.rest) < 4 {
		r.rest, r.err = nil, errShort
		return 0
	}
	v := binary.LittleEndian.Uint32(r.rest)
	r.rest = r.rest[4:]
	return v
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.rest, r.err = nil, errShort
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// count is a number of things that take at least size bytes each, so that a
// number out of the blue cannot ask for more memory than there are bytes.
func (r *reader) count(size int) int {
	v := r.uvarint()
	if v > uint64(len(r.rest)/size) {
		r.rest, r.err = nil, errShort
		return 0
	}
	return int(v)
}

func (r *reader) model() (Model, error) {
	var m Model
	n := r.count(1)
	if err := json.Unmarshal(r.rest[:n], &m.Metadata); err != nil {
		return m, fmt.Errorf("metadata: %w", err)
	}
	r.rest = r.rest[n:]

	books := r.count(6)
	m.Books = make([]BookKey, books)
	m.Weights.Counts = make([]int32, books)
	id := uint64(0)
	for i := range books {
		id += r.uvarint()
		m.Books[i] = BookKey{ID: int64(id), Mark: r.uint32()}
		count := r.uvarint()
		if id == 0 || id > math.MaxInt64 || count > math.MaxInt32 {
			return m, fmt.Errorf("book %d of %d readers cannot be", id, count)
		}
		m.Weights.Counts[i] = int32(count)
		if i > 0 && m.Books[i].ID <= m.Books[i-1].ID {
			return m, fmt.Errorf("book %d after book %d", m.Books[i].ID, m.Books[i-1].ID)
		}
	}
	m.Weights.RowStart = make([]int32, books+1)
	for i := range books {
		before := int64(-1)
		for range r.count(5) { // a gap and a weight
			before += int64(min(r.uvarint(), math.MaxInt32))
			m.Weights.Targets = append(m.Weights.Targets, int32(min(before, math.MaxInt32)))
		}
		m.Weights.RowStart[i+1] = int32(len(m.Weights.Targets))
	}
	m.Weights.Weights = make([]float32, len(m.Weights.Targets))
	for i := range m.Weights.Weights {
		m.Weights.Weights[i] = math.Float32frombits(r.uint32())
	}
	switch {
	case r.err != nil:
		return m, r.err
	case len(r.rest) > 0:
		return m, fmt.Errorf("%d bytes are left over", len(r.rest))
	}
	return m, m.Weights.Validate()
}

// For returns the weights for the books of a catalogue, sorted by id. Books that
// the model does not know, or knows by another title or author, get none.
//
// Error: ErrForeign, when that leaves less than half of the model's books.
func (m Model) For(books []domain.Book) (engine.Model, error) {
	item := make([]int32, len(m.Books)) // in books; -1 for none
	known, b := 0, 0
	for i, key := range m.Books {
		for b < len(books) && books[b].ID < key.ID {
			b++
		}
		item[i] = -1
		if b < len(books) && KeyOf(books[b]) == key {
			item[i] = int32(b)
			known++
		}
	}
	if 2*known < len(m.Books) {
		return engine.Model{}, fmt.Errorf("%w: of its %d books the catalogue has %d", ErrForeign, len(m.Books), known)
	}
	out := engine.Model{RowStart: make([]int32, len(books)+1), Counts: make([]int32, len(books))}
	next := 0 // of the catalogue
	for i, at := range item {
		if at < 0 {
			continue
		}
		for ; next < int(at); next++ {
			out.RowStart[next+1] = int32(len(out.Targets))
		}
		out.Counts[at] = m.Weights.Counts[i]
		targets, weights := m.Weights.Row(i)
		for k, t := range targets {
			if item[t] >= 0 {
				out.Targets = append(out.Targets, item[t])
				out.Weights = append(out.Weights, weights[k])
			}
		}
		out.RowStart[at+1] = int32(len(out.Targets))
		next = int(at) + 1
	}
	for ; next < len(books); next++ {
		out.RowStart[next+1] = int32(len(out.Targets))
	}
	return out, nil
}
