// Package training makes a model of what readers like: it turns their histories
// into the numbers that package engine trains from, and describes the outcome.
//
// It must not import a store, gRPC, HTTP, metrics or tracing.
package training

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"

	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/library"
	"bookstall/recommendations/internal/modelfile"
)

// Method is what models say that they were made by.
const Method = "local-ease"

// Input is what a model is trained from.
type Input struct {
	Catalog   library.Catalog
	Histories iter.Seq2[int64, []byte] // by reader, as library.History.Encode makes them; in any order
	Params    engine.Params
	Workers   int // goroutines
}

// Train trains a model, until ctx ends. Equal input makes an equal model, in whatever order the
// histories come.
func Train(ctx context.Context, in Input) (modelfile.Model, error) {
	c, err := collect(in)
	if err != nil {
		return modelfile.Model{}, err
	}
	weights, err := engine.TrainContext(ctx, c.dataset(), in.Params, in.Workers)
	if err != nil {
		return modelfile.Model{}, err
	}
	m := modelfile.Model{
		Metadata: modelfile.Metadata{
			Method: Method, Parameters: in.Params, CatalogVersion: in.Catalog.Version,
			DataFingerprint: c.fingerprint(), Books: len(in.Catalog.Books), Readers: len(c.readers),
			Positives: c.positives, Weights: len(weights.Targets),
		},
		Weights: weights,
	}
	for _, b := range in.Catalog.Books {
		m.Books = append(m.Books, modelfile.KeyOf(b))
	}
	return m, nil
}

// collected is who likes what.
type collected struct {
	books     []library.Book
	readers   []reader // by id
	positives int
}

type reader struct {
	id    int64
	liked []int32 // ascending indexes of books
}

func collect(in Input) (*collected, error) {
	c := &collected{books: in.Catalog.Books}
	index := make(map[int64]int32, len(c.books))
	for i, b := range c.books {
		index[b.ID] = int32(i)
	}
	var liked []int32
	for id, history := range in.Histories {
		liked = liked[:0]
		err := library.EachEntry(history, func(e library.Entry) {
			if i, ok := index[e.BookID]; ok && e.Positive() {
				liked = append(liked, i)
			}
		})
		if err != nil {
			return nil, fmt.Errorf("reader %d: %w", id, err)
		}
		if len(liked) == 0 {
			continue
		}
		slices.Sort(liked)
		c.readers = append(c.readers, reader{id: id, liked: slices.Clone(liked)})
		c.positives += len(liked)
	}
	slices.SortFunc(c.readers, func(a, b reader) int { return cmp.Compare(a.id, b.id) })
	return c, nil
}

func (c *collected) dataset() engine.Dataset {
	d := engine.Dataset{Items: len(c.books), Readers: make([][]int32, len(c.readers))}
	for i, r := range c.readers {
		d.Readers[i] = r.liked
	}
	return d
}

// fingerprint is equal for equal data.
func (c *collected) fingerprint() string {
	h := sha256.New()
	var buf []byte
	write := func(v int64) {
		buf = binary.AppendVarint(buf[:0], v)
		_, _ = h.Write(buf) // never fails
	}
	write(int64(len(c.books)))
	for _, b := range c.books {
		write(b.ID)
	}
	for _, r := range c.readers {
		write(r.id)
		write(int64(len(r.liked)))
		for _, i := range r.liked {
			write(int64(i))
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}
