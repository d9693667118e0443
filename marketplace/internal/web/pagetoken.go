package web

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
)

// pageTokens make the tokens that lead to the next page of an API list. A token
// holds for the query that it was made for only.
type pageTokens struct{ signer signer }

const tokenSignature = 16 // bytes

func newPageTokens(key []byte) pageTokens { return pageTokens{newSigner(key, "page token")} }

// encode returns the token for the books of a query from offset on.
func (p pageTokens) encode(category, text string, offset int) string {
	position := binary.AppendUvarint(nil, uint64(offset))
	return base64.RawURLEncoding.EncodeToString(append(p.sign(category, text, position), position...))
}

// decode returns the offset of a token that encode made for the same query.
func (p pageTokens) decode(token, category, text string) (offset int, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) <= tokenSignature {
		return 0, false
	}
	signature, position := raw[:tokenSignature], raw[tokenSignature:]
	if !hmac.Equal(signature, p.sign(category, text, position)) {
		return 0, false
	}
	n, read := binary.Uvarint(position)
	return int(n), read == len(position) && n <= math.MaxInt32
}

func (p pageTokens) sign(category, text string, position []byte) []byte {
	// Quoted, so that a boundary cannot be moved.
	return p.signer.sign(fmt.Appendf(nil, "%q %q %x", category, text, position))[:tokenSignature]
}
