package signed

import (
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
)

// Change is what a batch did with one book, in a code of the caller's.
type Change struct {
	BookID int64
	Code   byte
}

// Batches makes the tokens that take back what a batch did for a reader. A token is valid for
// that reader only, and until the reader is forgotten. It is encrypted, because browsers keep
// it, and nobody who reads what they keep should learn which books somebody has read.
type Batches struct{ sealers []cipher.AEAD }

// NewBatches returns the tokens of a shop.
func NewBatches(keys Keys) Batches {
	var b Batches
	for _, key := range newSigner(keys, "batch").keys {
		block, err := aes.NewCipher(key)
		if err != nil {
			panic(err) // a key of SHA-256 is always long enough
		}
		sealer, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			panic(err) // AES has blocks of the right size
		}
		b.sealers = append(b.sealers, sealer)
	}
	return b
}

// Encode returns the token of a batch. It has a few bytes for each change.
func (b Batches) Encode(reader Identity, changes []Change) string {
	sorted := slices.SortedFunc(slices.Values(changes), func(x, y Change) int { return cmp.Compare(x.BookID, y.BookID) })
	var content []byte
	last := int64(0)
	for _, c := range sorted {
		content = append(binary.AppendUvarint(content, uint64(c.BookID-last)), c.Code)
		last = c.BookID
	}
	//nolint:gosec // the nonce is random, and made by the cipher
	return base64.RawURLEncoding.EncodeToString(b.sealers[0].Seal(nil, nil, content, batchOwner(reader)))
}

// Decode returns the changes of a token that Encode made for the reader.
func (b Batches) Decode(token string, reader Identity) (changes []Change, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return nil, false
	}
	for _, sealer := range b.sealers {
		if content, err := sealer.Open(nil, nil, sealed, batchOwner(reader)); err == nil {
			return decodeChanges(content)
		}
	}
	return nil, false
}

func decodeChanges(content []byte) (changes []Change, ok bool) {
	last := int64(0)
	for len(content) > 0 {
		step, n := binary.Uvarint(content)
		if n <= 0 || n == len(content) {
			return nil, false
		}
		last += int64(step)
		changes = append(changes, Change{last, content[n]})
		content = content[n+1:]
	}
	return changes, true
}

// batchOwner is what a token is bound to.
func batchOwner(reader Identity) []byte {
	return fmt.Appendf(nil, "%d %d", reader.Own, reader.Generation)
}
