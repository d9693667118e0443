package signed

import (
	"bytes"
	"encoding/base64"
	"math"
	"slices"
	"testing"
)

func TestBatches(t *testing.T) {
	now, before := bytes.Repeat([]byte{1}, MinKey), bytes.Repeat([]byte{2}, MinKey)
	b := NewBatches(Keys{now, before})
	reader := Identity{Own: 7, Generation: 2}
	changes := []Change{{math.MaxInt64, 0xff}, {3, 5}, {300, 0}}
	want := []Change{{3, 5}, {300, 0}, {math.MaxInt64, 0xff}}
	for name, token := range map[string]string{
		"of the present key": b.Encode(reader, changes), "of the previous key": NewBatches(Keys{before}).Encode(reader, changes),
	} {
		if got, ok := b.Decode(token, reader); !ok || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %t", name, got, ok)
		}
	}
	token := b.Encode(reader, changes)
	for name, tc := range map[string]struct {
		token  string
		reader Identity
	}{
		"another reader":        {token, Identity{Own: 8, Generation: 2}},
		"forgotten since":       {token, Identity{Own: 7, Generation: 3}},
		"longer":                {token + "AA", reader},
		"of another key":        {NewBatches(Keys{bytes.Repeat([]byte{3}, MinKey)}).Encode(reader, changes), reader},
		"empty":                 {"", reader},
		"without its signature": {token[len(token)-10:], reader},
	} {
		if got, ok := b.Decode(tc.token, tc.reader); ok {
			t.Errorf("%s: %v", name, got)
		}
	}
	// Nobody but the shop can tell which books a token has.
	var first []Change
	for id := range int64(20) {
		first = append(first, Change{1 + id, 5})
	}
	token = b.Encode(reader, first)
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || token == b.Encode(reader, first) || bytes.Contains(sealed, bytes.Repeat([]byte{1, 5}, len(first))) {
		t.Errorf("%s can be read, or is always the same (%v)", token, err)
	}
	if got, ok := b.Decode(b.Encode(reader, nil), reader); !ok || len(got) > 0 {
		t.Errorf("nothing: %v, %t", got, ok)
	}
}
