package domain_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bookstall/recommendations/internal/domain"
)

func did(kind domain.Kind, book int64, stars ...int) domain.Interaction {
	i := domain.Interaction{ID: "x", UserID: 1, BookID: book, Kind: kind}
	if len(stars) > 0 {
		i.Stars = stars[0]
	}
	return i
}

func TestHistoryApply(t *testing.T) {
	imported := domain.History{{BookID: 1, Stars: 5}, {BookID: 2, Stars: 2}}
	tests := []struct {
		name string
		in   []domain.Interaction
		want domain.History
		last bool // whether the last one changed anything
	}{
		{"view", []domain.Interaction{did(domain.View, 3)}, imported, false},
		{"like", []domain.Interaction{did(domain.Like, 3)},
			domain.History{{BookID: 1, Stars: 5}, {BookID: 2, Stars: 2}, {BookID: 3, Liked: true, Own: true}}, true},
		{"like twice", []domain.Interaction{did(domain.Like, 3), did(domain.Like, 3)},
			domain.History{{BookID: 1, Stars: 5}, {BookID: 2, Stars: 2}, {BookID: 3, Liked: true, Own: true}}, false},
		{"like and back", []domain.Interaction{did(domain.Like, 3), did(domain.Unlike, 3)},
			domain.History{{BookID: 1, Stars: 5}, {BookID: 2, Stars: 2}, {BookID: 3, Own: true}}, true},
		{"back what was never", []domain.Interaction{did(domain.Unlike, 3)},
			domain.History{{BookID: 1, Stars: 5}, {BookID: 2, Stars: 2}, {BookID: 3, Own: true}}, true},
		{"the imported stars again", []domain.Interaction{did(domain.Rate, 1, 5)},
			domain.History{{BookID: 2, Stars: 2}, {BookID: 1, Stars: 5, Own: true}}, true},
		{"rating becomes the latest", []domain.Interaction{did(domain.Rate, 1, 3)},
			domain.History{{BookID: 2, Stars: 2}, {BookID: 1, Stars: 3, Own: true}}, true},
		{"unrate what was imported", []domain.Interaction{did(domain.Unrate, 1)},
			domain.History{{BookID: 2, Stars: 2}, {BookID: 1, Own: true}}, true},
		{"unlike leaves the stars", []domain.Interaction{did(domain.Like, 1), did(domain.Unlike, 1)},
			domain.History{{BookID: 2, Stars: 2}, {BookID: 1, Stars: 5, Own: true}}, true},
		{"purchase", []domain.Interaction{did(domain.Purchase, 2)},
			domain.History{{BookID: 1, Stars: 5}, {BookID: 2, Stars: 2, Purchased: true, Own: true}}, true},
		{"purchase and back", []domain.Interaction{did(domain.Purchase, 2), did(domain.Unpurchase, 2)},
			domain.History{{BookID: 1, Stars: 5}, {BookID: 2, Stars: 2, Own: true}}, true},
		{"want", []domain.Interaction{did(domain.Want, 3)},
			domain.History{{BookID: 1, Stars: 5}, {BookID: 2, Stars: 2}, {BookID: 3, Wanted: true, Own: true}}, true},
		{"want twice", []domain.Interaction{did(domain.Want, 3), did(domain.Want, 3)},
			domain.History{{BookID: 1, Stars: 5}, {BookID: 2, Stars: 2}, {BookID: 3, Wanted: true, Own: true}}, false},
		{"want and back", []domain.Interaction{did(domain.Want, 3), did(domain.Unwant, 3)},
			domain.History{{BookID: 1, Stars: 5}, {BookID: 2, Stars: 2}, {BookID: 3, Own: true}}, true},
		{"a bought book may still be wanted", []domain.Interaction{did(domain.Want, 3), did(domain.Purchase, 3)},
			domain.History{{BookID: 1, Stars: 5}, {BookID: 2, Stars: 2}, {BookID: 3, Wanted: true, Purchased: true, Own: true}}, true},
		{"a rated one was read", []domain.Interaction{did(domain.Want, 3), did(domain.Rate, 3, 2)},
			domain.History{{BookID: 1, Stars: 5}, {BookID: 2, Stars: 2}, {BookID: 3, Stars: 2, Own: true}}, true},
		{"dismiss what was wanted", []domain.Interaction{did(domain.Want, 3), did(domain.Dismiss, 3)},
			domain.History{{BookID: 1, Stars: 5}, {BookID: 2, Stars: 2}, {BookID: 3, Dismissed: true, Own: true}}, true},
		{"want what was dismissed", []domain.Interaction{did(domain.Dismiss, 3), did(domain.Want, 3)},
			domain.History{{BookID: 1, Stars: 5}, {BookID: 2, Stars: 2}, {BookID: 3, Wanted: true, Own: true}}, true},
		{"dismiss and back", []domain.Interaction{did(domain.Dismiss, 1), did(domain.Undismiss, 1)},
			domain.History{{BookID: 2, Stars: 2}, {BookID: 1, Stars: 5, Own: true}}, true},
		{"like what was dismissed", []domain.Interaction{did(domain.Dismiss, 3), did(domain.Like, 3)},
			domain.History{{BookID: 1, Stars: 5}, {BookID: 2, Stars: 2}, {BookID: 3, Liked: true, Own: true}}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := append(domain.History(nil), imported...)
			var changed bool
			for _, i := range test.in {
				changed = h.Apply(i)
			}
			if diff := cmp.Diff(test.want, h); diff != "" {
				t.Error(diff)
			}
			if changed != test.last {
				t.Errorf("changed: %v, want %v", changed, test.last)
			}
		})
	}
}

func TestHistoryImport(t *testing.T) {
	h := domain.History{{BookID: 1, Stars: 5}, {BookID: 2, Own: true}}
	if !h.Import([]domain.Rating{{UserID: 1, BookID: 3, Stars: 4}}) || !h.Import([]domain.Rating{{UserID: 1, BookID: 1, Stars: 3}}) {
		t.Error("a new and a changed rating changed nothing")
	}
	if h.Import([]domain.Rating{{UserID: 1, BookID: 1, Stars: 3}}) {
		t.Error("the same rating again changed something")
	}
	if h.Import([]domain.Rating{{UserID: 1, BookID: 2, Stars: 5}}) {
		t.Error("an import undid what the reader did")
	}
	want := domain.History{{BookID: 1, Stars: 3}, {BookID: 2, Own: true}, {BookID: 3, Stars: 4}}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Error(diff)
	}
}

func TestEntryMeaning(t *testing.T) {
	tests := []struct {
		entry             domain.Entry
		present, positive bool
	}{
		{domain.Entry{Stars: 3}, true, false},
		{domain.Entry{Stars: 4}, true, true},
		{domain.Entry{Stars: 1, Liked: true}, true, true},
		{domain.Entry{Purchased: true}, true, true},
		{domain.Entry{Own: true}, false, false},
		{domain.Entry{Wanted: true, Own: true}, true, false},
		{domain.Entry{Dismissed: true, Own: true}, true, false},
	}
	for _, test := range tests {
		if test.entry.Present() != test.present || test.entry.Positive() != test.positive {
			t.Errorf("%+v: present %v, positive %v", test.entry, test.entry.Present(), test.entry.Positive())
		}
	}
}

func TestHistoryEncoding(t *testing.T) {
	h := domain.History{
		{BookID: 1, Stars: 5}, {BookID: 9999, Liked: true, Own: true},
		{BookID: 1 << 62, Stars: 1, Purchased: true}, {BookID: 7, Own: true},
		{BookID: 300, Wanted: true, Purchased: true, Own: true}, {BookID: 8, Dismissed: true, Own: true},
	}
	got, err := domain.DecodeHistory(h.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(h, got); diff != "" {
		t.Error(diff)
	}
	whole := h.Encode()
	if _, err := domain.DecodeHistory(whole[:len(whole)-1]); err == nil {
		t.Error("half an entry was read without an error")
	}
	if _, err := domain.DecodeHistory([]byte{0, 5}); err == nil {
		t.Error("book 0 was read without an error")
	}
	if _, err := domain.DecodeHistory([]byte{1, 7}); err == nil {
		t.Error("seven stars were read without an error")
	}
	for name, damaged := range map[string][]byte{"behind an entry": {1, 5, 2, 0}, "three times": {2, 0, 2, 0, 2, 0, 2, 0x20}} {
		if h, err := domain.DecodeHistory(damaged); err == nil {
			t.Errorf("a mark %s was read as %v", name, h)
		}
	}
}

// Replicas of version 0.1.0 read and write the same histories in a rollout, and after a
// rollback. The bytes that they wrote are of its own code.
func TestHistoryEncodingBesideVersion010(t *testing.T) {
	want := func(name string, encoded []byte, want domain.History) {
		t.Helper()
		got, err := domain.DecodeHistory(encoded)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	plain := domain.History{{BookID: 300, Stars: 4, Own: true}, {BookID: 7, Stars: 2}, {BookID: 5, Liked: true, Purchased: true, Own: true}}
	theirs := []byte{0xac, 0x02, 0x24, 0x07, 0x02, 0x05, 0x38}
	want("0.1.0's", theirs, plain)
	if got := plain.Encode(); !bytes.Equal(got, theirs) {
		t.Errorf("without a mark: % x, 0.1.0 wrote % x", got, theirs)
	}

	marked := domain.History{{BookID: 300, Wanted: true, Own: true}, {BookID: 7, Dismissed: true, Own: true}, {BookID: 5, Liked: true, Own: true}}
	ours := []byte{0xac, 0x02, 0x00, 0x07, 0x00, 0x07, 0x00, 0xac, 0x02, 0x20, 0x07, 0x20, 0x05, 0x28}
	if got := marked.Encode(); !bytes.Equal(got, ours) {
		t.Errorf("with marks: % x, want % x", got, ours)
	}
	want("0.1.0 liked book 9 and rated book 300, and imported stars for 7 and 8", []byte{
		0xac, 0x02, 0x00, 0x07, 0x00, 0x07, 0x00, 0x07, 0x20, 0x05, 0x28, 0x09, 0x28, 0xac, 0x02, 0x24, 0x08, 0x03,
	}, domain.History{
		{BookID: 7, Dismissed: true, Own: true}, {BookID: 5, Liked: true, Own: true}, {BookID: 9, Liked: true, Own: true},
		{BookID: 300, Stars: 4, Wanted: true, Own: true}, {BookID: 8, Stars: 3},
	})
}

func FuzzDecodeHistory(f *testing.F) {
	f.Add([]byte{1, 5})
	f.Add([]byte{0x80})
	f.Add([]byte{2, 0, 3, 0, 3, 0, 2, 0x20, 3, 0x28})
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := domain.DecodeHistory(data)
		if err != nil {
			return
		}
		again, err := domain.DecodeHistory(h.Encode())
		if err != nil || !cmp.Equal(h, again) {
			t.Errorf("%v became %v (%v)", h, again, err)
		}
	})
}
