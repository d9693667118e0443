package signed

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// Change is what a batch did with one book, in a code of the caller's.
type Change struct {
	BookID int64
	Code   byte
}

// Batches makes the tokens that take back what a batch did for a reader. A token is valid for
// that reader only, and until the reader is forgotten.
type Batches struct{ signer signer }

// NewBatches returns the tokens of a shop.
func NewBatches(keys Keys) Batches { return Batches{newSigner(keys, "batch")} }

// Encode returns the token of a batch. It has a few bytes for each change.
func (b Batches) Encode(reader Identity, changes []Change) string {
	sorted := slices.SortedFunc(slices.Values(changes), func(x, y Change) int { return cmp.Compare(x.BookID, y.BookID) })
	var content []byte
	last := int64(0)
	for _, c := range sorted {
		content = append(binary.AppendUvarint(content, uint64(c.BookID-last)), c.Code)
		last = c.BookID
	}
	text := base64.RawURLEncoding.EncodeToString(content)
	return b.signer.text(batchMessage(reader, text)) + "." + text
}

// Decode returns the changes of a token that Encode made for the reader.
func (b Batches) Decode(token string, reader Identity) (changes []Change, ok bool) {
	signature, text, _ := strings.Cut(token, ".")
	if !b.signer.verify(batchMessage(reader, text), signature) {
		return nil, false
	}
	content, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, false
	}
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

func batchMessage(reader Identity, text string) string {
	return fmt.Sprintf("%d %d %s", reader.Own, reader.Generation, text)
}
