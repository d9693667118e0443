package signed

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
)

// PageTokens makes the tokens that lead to the next page of an API list. A token is
// valid only for the query that it was made for.
type PageTokens struct{ signer signer }

const tokenSignature = 16 // bytes

// NewPageTokens returns the tokens of a shop. They are signed with the present key alone: a
// list is read to its end within minutes.
func NewPageTokens(keys Keys) PageTokens { return PageTokens{newSigner(keys, "page token")} }

// Encode returns the token for the books of a query, starting at offset. Listing is how they
// are sorted and filtered; "" is as earlier versions list them.
func (p PageTokens) Encode(category, text, listing string, offset int) string {
	position := binary.AppendUvarint(nil, uint64(offset))
	return base64.RawURLEncoding.EncodeToString(append(p.sign(category, text, listing, position), position...))
}

// Decode returns the offset of a token that Encode made for the same query.
func (p PageTokens) Decode(token, category, text, listing string) (offset int, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) <= tokenSignature {
		return 0, false
	}
	signature, position := raw[:tokenSignature], raw[tokenSignature:]
	if !hmac.Equal(signature, p.sign(category, text, listing, position)) {
		return 0, false
	}
	n, read := binary.Uvarint(position)
	return int(n), read == len(position) && n <= math.MaxInt32
}

func (p PageTokens) sign(category, text, listing string, position []byte) []byte {
	// Quoted, so that text cannot move from one part to the next.
	query := fmt.Appendf(nil, "%q %q %x", category, text, position)
	if listing != "" {
		query = fmt.Appendf(query, " %q", listing)
	}
	return p.signer.sign(query)[:tokenSignature]
}
