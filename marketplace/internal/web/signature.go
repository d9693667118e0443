package web

import (
	"crypto/hmac"
	"crypto/sha256"
)

// signer makes and checks signatures for one purpose.
type signer struct{ key []byte }

// newSigner derives a key of its own for each purpose, so that what was signed
// for one is worth nothing for another.
func newSigner(secret []byte, purpose string) signer {
	return signer{signer{secret}.sign([]byte(purpose))}
}

func (s signer) sign(message []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	_, _ = mac.Write(message) // never fails
	return mac.Sum(nil)
}
