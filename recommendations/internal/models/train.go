package models

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/engine"
)

// Method names the method in the metadata of every model.
const Method = "local-ease"

// Input is what a model is trained from.
type Input struct {
	Catalog domain.Catalog
	Readers iter.Seq[domain.Reader] // readers, in any order
	Params  engine.Params
	Workers int // goroutines
}

// Train trains a model. Equal input makes an equal model, whatever the order of the
// readers. It stops with an error when ctx ends.
func Train(ctx context.Context, in Input) (Model, error) {
	c, err := collect(in)
	if err != nil {
		return Model{}, err
	}
	weights, err := engine.Train(ctx, c.dataset(), in.Params, in.Workers)
	if err != nil {
		return Model{}, err
	}
	m := Model{
		Metadata: Metadata{
			Method: Method, Parameters: in.Params, CatalogVersion: in.Catalog.Version,
			DataFingerprint: c.fingerprint(), Books: len(in.Catalog.Books), Readers: len(c.readers),
			Positives: c.positives, Weights: len(weights.Targets),
		},
		Weights: weights,
	}
	for _, b := range in.Catalog.Books {
		m.Books = append(m.Books, KeyOf(b))
	}
	return m, nil
}

// collected is the part of the input that training uses, as indexes.
type collected struct {
	books     []domain.Book
	readers   []reader // readers, sorted by id
	positives int
}

type reader struct {
	id        int64
	books     []int32 // indexes, ascending
	strengths []engine.Strength
}

// Strength returns how much a book of a history counts: by its stars, in full if
// it is liked or purchased, and nothing if it is dismissed.
func Strength(e domain.Entry) engine.Strength {
	if e.Dismissed {
		return 0
	}
	if e.Liked || e.Purchased {
		return engine.Full
	}
	return engine.DefaultStrengths().Of(e.Stars)
}

// Authors returns the author of each book as a number: the same number for the same
// author, however the name is spelled, -1 for none.
func Authors(books []domain.Book) []int32 {
	numbers := map[string]int32{}
	list := make([]int32, len(books))
	for i, b := range books {
		if b.Author == "" {
			list[i] = -1
			continue
		}
		key := authorKey(b.Author)
		if _, known := numbers[key]; !known {
			numbers[key] = int32(len(numbers))
		}
		list[i] = numbers[key]
	}
	return list
}

// authorKey returns what the spellings of a name have in common: its letters and digits, without
// case and accents. "J. R. R. Tolkien" and "J.R.R. TOLKIEN" are one author.
func authorKey(name string) string {
	key := strings.Map(func(char rune) rune {
		if !unicode.IsLetter(char) && !unicode.IsDigit(char) {
			return -1
		}
		return unicode.ToLower(char)
	}, norm.NFKD.String(name))
	return cmp.Or(key, name)
}

func collect(in Input) (*collected, error) {
	c := &collected{books: in.Catalog.Books}
	index := make(map[int64]int32, len(c.books))
	for i, b := range c.books {
		index[b.ID] = int32(i)
	}
	type counted struct {
		book     int32
		strength engine.Strength
	}
	var read []counted
	for from := range in.Readers {
		read = read[:0]
		likes := 0
		err := domain.EachEntry(from.History, func(e domain.Entry) {
			i, ok := index[e.BookID]
			if strength := Strength(e); ok && strength > 0 {
				read = append(read, counted{i, strength})
				if strength >= engine.Liked {
					likes++
				}
			}
		})
		if err != nil {
			return nil, fmt.Errorf("reader %d: %w", from.ID, err)
		}
		if likes == 0 {
			continue
		}
		slices.SortFunc(read, func(a, b counted) int { return cmp.Compare(a.book, b.book) })
		r := reader{id: from.ID, books: make([]int32, len(read)), strengths: make([]engine.Strength, len(read))}
		for k, b := range read {
			r.books[k], r.strengths[k] = b.book, b.strength
		}
		c.readers = append(c.readers, r)
		c.positives += likes
	}
	slices.SortFunc(c.readers, func(a, b reader) int { return cmp.Compare(a.id, b.id) })
	return c, nil
}

func (c *collected) dataset() engine.Dataset {
	d := engine.Dataset{Items: len(c.books), Authors: Authors(c.books)}
	for _, r := range c.readers {
		d.Readers, d.Strengths = append(d.Readers, r.books), append(d.Strengths, r.strengths)
	}
	return d
}

// fingerprint returns a hash of everything that training uses.
func (c *collected) fingerprint() string {
	h := sha256.New()
	var buf []byte
	write := func(v int64) {
		buf = binary.AppendVarint(buf[:0], v)
		_, _ = h.Write(buf) // never fails
	}
	write(int64(len(c.books)))
	authors := Authors(c.books)
	for i, b := range c.books {
		write(b.ID)
		write(int64(authors[i]))
	}
	for _, r := range c.readers {
		write(r.id)
		write(int64(len(r.books)))
		for k, i := range r.books {
			write(int64(i))
			write(int64(r.strengths[k]))
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}
