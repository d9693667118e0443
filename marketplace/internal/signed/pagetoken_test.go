package signed

import (
	"math"
	"testing"
)

func TestPageToken(t *testing.T) {
	p := NewPageTokens(Keys{testKey(1)})
	for _, offset := range []int{0, 1, 20, 127, 128, 10_000, math.MaxInt32} {
		if got, ok := p.Decode(p.Encode("fantasy", "a b", "sort=title", offset), "fantasy", "a b", "sort=title"); !ok || got != offset {
			t.Errorf("offset %d came back as %d, %v", offset, got, ok)
		}
	}
	token := p.Encode("fantasy", "a b", "", 20)
	for _, query := range [][3]string{
		{"", "a b"}, {"fantasy", ""}, {"fantasy", "a"}, {"fantasy a", "b"}, {`fantasy" "a b`, ""}, {"fantasy", "a b", "sort=title"},
	} {
		if _, ok := p.Decode(token, query[0], query[1], query[2]); ok {
			t.Errorf("the token is valid for %q", query)
		}
	}
	if _, ok := p.Decode(p.Encode("", "", "", math.MaxInt32+1), "", "", ""); ok {
		t.Error("an offset above the limit is accepted")
	}
}

func FuzzPageToken(f *testing.F) {
	p := NewPageTokens(Keys{testKey(1)})
	f.Add(p.Encode("", "", "", 20), "", "", "")
	f.Add("AAAA", "fantasy", "x", "sort=title")
	f.Fuzz(func(t *testing.T, token, category, text, listing string) {
		if offset, ok := p.Decode(token, category, text, listing); ok && p.Encode(category, text, listing, offset) != token {
			t.Errorf("%q is read as offset %d", token, offset)
		}
	})
}
