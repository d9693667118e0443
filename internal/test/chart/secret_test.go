package chart

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"testing"
)

func decoded(t *testing.T, text string) []byte {
	t.Helper()
	out, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// checksum returns the checksum annotation of the shop's pods.
func checksum(t *testing.T, manifests []byte) string {
	t.Helper()
	m := regexp.MustCompile(`checksum/config: ([0-9a-f]{64})`).FindSubmatch(manifests)
	if m == nil {
		t.Fatal("no checksum")
	}
	return string(m[1])
}

// sumOf returns the checksum of a Secret's data as the chart computes it.
func sumOf(t *testing.T, data any) string {
	t.Helper()
	sum := sha256.Sum256([]byte(compact(t, data)))
	return hex.EncodeToString(sum[:])
}
