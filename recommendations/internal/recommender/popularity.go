package recommender

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/engine"
)

// withPopularity returns a catalogue in which no book has a popularity with the readers whom the
// model counts for each book, so that shelves, and the shop that pulls the catalogue, have one
// order of bestsellers. Other catalogues, and models of other books, change nothing.
//
// The version then depends on the counts too. It follows from the store alone, so replicas agree.
func withPopularity(c domain.Catalog, model engine.Model) domain.Catalog {
	liked := func(count int32) bool { return count > 0 }
	if len(c.Books) != model.Items() || c.HasPopularity() || !slices.ContainsFunc(model.Counts, liked) {
		return c
	}
	c.Books = slices.Clone(c.Books)
	sum := sha256.New()
	for i, count := range model.Counts {
		c.Books[i].Popularity = int64(count)
		_ = binary.Write(sum, binary.LittleEndian, count) // a hash cannot fail
	}
	c.Version += "." + hex.EncodeToString(sum.Sum(nil)[:6])
	return c
}
