package models

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

const (
	magic   = "bookstall model\n"
	format  = 1
	sumSize = sha256.Size
)

// Encode encodes a model.
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

// Version returns the version of an encoded model: equal models have equal versions.
func Version(encoded []byte) string {
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:6])
}

// Decode decodes a model and checks all of it.
//
// Errors: ErrDamaged, ErrUnknownFormat.
func Decode(encoded []byte) (Model, error) {
	if len(encoded) < len(magic)+4+sumSize || !bytes.HasPrefix(encoded, []byte(magic)) {
		return Model{}, fmt.Errorf("%w: it does not start like one", ErrDamaged)
	}
	body, sum := encoded[:len(encoded)-sumSize], encoded[len(encoded)-sumSize:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) {
		return Model{}, fmt.Errorf("%w: the checksum does not match", ErrDamaged)
	}
	d := &decoder{rest: body[len(magic):]}
	if got := d.uint32(); got != format {
		return Model{}, fmt.Errorf("%w: %d, this program knows %d", ErrUnknownFormat, got, format)
	}
	m, err := d.model()
	if err != nil {
		return Model{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return m, nil
}

// decoder takes values from the front of rest. Once bytes are missing it sets err
// and returns zeros.
type decoder struct {
	rest []byte
	err  error
}

var errShort = errors.New("it is cut short")

func (d *decoder) uint32() uint32 {
	if len(d.rest) < 4 {
		d.rest, d.err = nil, errShort
		return 0
	}
	v := binary.LittleEndian.Uint32(d.rest)
	d.rest = d.rest[4:]
	return v
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.rest, d.err = nil, errShort
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

// count reads the length of a list whose entries take at least size bytes each. It
// refuses more entries than the remaining bytes can hold, so that a damaged length
// cannot allocate without bound.
func (d *decoder) count(size int) int {
	v := d.uvarint()
	if v > uint64(len(d.rest)/size) {
		d.rest, d.err = nil, errShort
		return 0
	}
	return int(v)
}

func (d *decoder) model() (Model, error) {
	var m Model
	n := d.count(1)
	if err := json.Unmarshal(d.rest[:n], &m.Metadata); err != nil {
		return m, fmt.Errorf("metadata: %w", err)
	}
	d.rest = d.rest[n:]

	books := d.count(6)
	m.Books = make([]BookKey, books)
	m.Weights.Counts = make([]int32, books)
	id := uint64(0)
	for i := range books {
		id += d.uvarint()
		m.Books[i] = BookKey{ID: int64(id), Mark: d.uint32()}
		count := d.uvarint()
		if id == 0 || id > math.MaxInt64 || count > math.MaxInt32 {
			return m, fmt.Errorf("book %d with %d readers is impossible", id, count)
		}
		m.Weights.Counts[i] = int32(count)
		if i > 0 && m.Books[i].ID <= m.Books[i-1].ID {
			return m, fmt.Errorf("book %d after book %d", m.Books[i].ID, m.Books[i-1].ID)
		}
	}
	m.Weights.RowStart = make([]int32, books+1)
	for i := range books {
		before := int64(-1)
		for range d.count(5) { // a gap and a weight
			before += int64(min(d.uvarint(), math.MaxInt32))
			m.Weights.Targets = append(m.Weights.Targets, int32(min(before, math.MaxInt32)))
		}
		m.Weights.RowStart[i+1] = int32(len(m.Weights.Targets))
	}
	m.Weights.Weights = make([]float32, len(m.Weights.Targets))
	for i := range m.Weights.Weights {
		m.Weights.Weights[i] = math.Float32frombits(d.uint32())
	}
	switch {
	case d.err != nil:
		return m, d.err
	case len(d.rest) > 0:
		return m, fmt.Errorf("%d bytes are left over", len(d.rest))
	}
	return m, m.Weights.Validate()
}
