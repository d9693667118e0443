package web

import (
	"bytes"
	"math"
	"testing"
)

func TestPageToken(t *testing.T) {
	p := newPageTokens(bytes.Repeat([]byte{1}, minCookieKey))
	for _, offset := range []int{0, 1, 20, 127, 128, 10_000, math.MaxInt32} {
		if got, ok := p.decode(p.encode("fantasy", "a b", offset), "fantasy", "a b"); !ok || got != offset {
			t.Errorf("offset %d came back as %d, %v", offset, got, ok)
		}
	}
	token := p.encode("fantasy", "a b", 20)
	for _, query := range [][2]string{{"", "a b"}, {"fantasy", ""}, {"fantasy", "a"}, {"fantasy a", "b"}, {`fantasy" "a b`, ""}} {
		if _, ok := p.decode(token, query[0], query[1]); ok {
			t.Errorf("the token holds for %q", query)
		}
	}
	if _, ok := p.decode(p.encode("", "", math.MaxInt32+1), "", ""); ok {
		t.Error("an offset beyond all books is taken")
	}
}

func FuzzPageToken(f *testing.F) {
	p := newPageTokens(bytes.Repeat([]byte{1}, minCookieKey))
	f.Add(p.encode("", "", 20), "", "")
	f.Add("AAAA", "fantasy", "x")
	f.Fuzz(func(t *testing.T, token, category, text string) {
		if offset, ok := p.decode(token, category, text); ok && p.encode(category, text, offset) != token {
			t.Errorf("%q is taken for offset %d", token, offset)
		}
	})
}
