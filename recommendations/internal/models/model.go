// Package models makes models and looks after them: it trains a model from
// readers' histories, encodes and decodes it, fits it to a catalogue, and publishes
// it in a store. docs/data-formats.md describes the encoding.
//
// Training and encoding are deterministic: equal data make equal bytes, which have
// the same version.
package models

import (
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/engine"
)

var (
	// ErrDamaged says that the bytes are not what Encode wrote, or not a model at all.
	ErrDamaged = errors.New("model is damaged")
	// ErrUnknownFormat says that a newer program wrote the model.
	ErrUnknownFormat = errors.New("model has an unknown format")
	// ErrForeign says that the model was trained on other books than the catalogue's.
	ErrForeign = errors.New("model is of another catalogue")
)

// Model is a trained model and the books it was trained on.
type Model struct {
	Metadata Metadata
	Books    []BookKey // one for each item of Weights, ascending by id
	Weights  engine.Model
}

// Metadata describes what a model was trained on and how good it is.
type Metadata struct {
	Method          string        `json:"method"`
	Parameters      engine.Params `json:"parameters"`
	CatalogVersion  string        `json:"catalog_version"`
	DataFingerprint string        `json:"data_fingerprint"` // SHA-256 of the histories, cut to 12 bytes
	Books           int           `json:"books"`
	Readers         int           `json:"readers"` // readers with at least one positive
	Positives       int           `json:"positives"`
	Weights         int           `json:"weights"`
	// Metrics come from another model, trained without the readers it was measured
	// on. Nil if nobody measured.
	Metrics *Metrics `json:"metrics,omitempty"`
	// Aside is why the model was not activated. It is not part of the model itself.
	Aside string `json:"aside,omitempty"`
	// Created is when the model was saved in a store; zero before. It is not part of the
	// model itself either.
	Created time.Time `json:"-"`
}

// Metrics are those of docs/recommender.md, on held-out readers.
type Metrics struct {
	Readers    int     `json:"readers"`
	NDCG100    float64 `json:"ndcg@100"`
	Recall20   float64 `json:"recall@20"`
	Recall50   float64 `json:"recall@50"`
	Coverage20 float64 `json:"coverage@20"`
}

// BookKey identifies a book across catalogues. The mark is a hash of title and
// author: it tells apart two books that have the same id in different catalogues.
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

// For returns the weights for the books of a catalogue, which are sorted by id.
// Books that the model does not know, or knows under another title or author, get
// no weights.
//
// Error: ErrForeign, if the catalogue has less than half of the model's books.
func (m Model) For(books []domain.Book) (engine.Model, error) {
	item := make([]int32, len(m.Books)) // index in books; -1 for none
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
	next := 0 // first book of the catalogue without a row
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
