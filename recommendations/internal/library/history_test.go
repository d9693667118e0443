package library_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bookstall/recommendations/internal/library"
)

func did(kind library.Kind, book int64, stars ...int) library.Interaction {
	i := library.Interaction{ID: "x", UserID: 1, BookID: book, Kind: kind}
	if len(stars) > 0 {
		i.Stars = stars[0]
	}
	return i
}

func TestHistoryApply(t *testing.T) {
	imported := library.History{{BookID: 1, Stars: 5}, {BookID: 2, Stars: 2}}
	tests := []struct {
		name string
		in   []library.Interaction
		want library.History
		last bool // whether the last one changed anything
	}{
		{"view", []library.Interaction{did(library.View, 3)}, imported, false},
		{"like", []library.Interaction{did(library.Like, 3)},
			library.History{{BookID: 1, Stars: 5}, {BookID: 2, Stars: 2}, {BookID: 3, Liked: true, Own: true}}, true},
		{"like twice", []library.Interaction{did(library.Like, 3), did(library.Like, 3)},
			library.History{{BookID: 1, Stars: 5}, {BookID: 2, Stars: 2}, {BookID: 3, Liked: true, Own: true}}, false},
		{"like and back", []library.Interaction{did(library.Like, 3), did(library.Unlike, 3)},
			library.History{{BookID: 1, Stars: 5}, {BookID: 2, Stars: 2}, {BookID: 3, Own: true}}, true},
		{"back what was never", []library.Interaction{did(library.Unlike, 3)},
			library.History{{BookID: 1, Stars: 5}, {BookID: 2, Stars: 2}, {BookID: 3, Own: true}}, true},
		{"the imported stars again", []library.Interaction{did(library.Rate, 1, 5)},
			library.History{{BookID: 2, Stars: 2}, {BookID: 1, Stars: 5, Own: true}}, true},
		{"rating becomes the latest", []library.Interaction{did(library.Rate, 1, 3)},
			library.History{{BookID: 2, Stars: 2}, {BookID: 1, Stars: 3, Own: true}}, true},
		{"unrate what was imported", []library.Interaction{did(library.Unrate, 1)},
			library.History{{BookID: 2, Stars: 2}, {BookID: 1, Own: true}}, true},
		{"unlike leaves the stars", []library.Interaction{did(library.Like, 1), did(library.Unlike, 1)},
			library.History{{BookID: 2, Stars: 2}, {BookID: 1, Stars: 5, Own: true}}, true},
		{"purchase", []library.Interaction{did(library.Purchase, 2)},
			library.History{{BookID: 1, Stars: 5}, {BookID: 2, Stars: 2, Purchased: true, Own: true}}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := append(library.History(nil), imported...)
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
	h := library.History{{BookID: 1, Stars: 5}, {BookID: 2, Own: true}}
	if !h.Import([]library.Rating{{UserID: 1, BookID: 3, Stars: 4}}) || !h.Import([]library.Rating{{UserID: 1, BookID: 1, Stars: 3}}) {
		t.Error("a new and a changed rating changed nothing")
	}
	if h.Import([]library.Rating{{UserID: 1, BookID: 1, Stars: 3}}) {
		t.Error("the same rating again changed something")
	}
	if h.Import([]library.Rating{{UserID: 1, BookID: 2, Stars: 5}}) {
		t.Error("an import undid what the reader did")
	}
	want := library.History{{BookID: 1, Stars: 3}, {BookID: 2, Own: true}, {BookID: 3, Stars: 4}}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Error(diff)
	}
}

func TestEntryMeaning(t *testing.T) {
	tests := []struct {
		entry             library.Entry
		present, positive bool
	}{
		{library.Entry{Stars: 3}, true, false},
		{library.Entry{Stars: 4}, true, true},
		{library.Entry{Stars: 1, Liked: true}, true, true},
		{library.Entry{Purchased: true}, true, true},
		{library.Entry{Own: true}, false, false},
	}
	for _, test := range tests {
		if test.entry.Present() != test.present || test.entry.Positive() != test.positive {
			t.Errorf("%+v: present %v, positive %v", test.entry, test.entry.Present(), test.entry.Positive())
		}
	}
}

func TestHistoryEncoding(t *testing.T) {
	h := library.History{
		{BookID: 1, Stars: 5}, {BookID: 9999, Liked: true, Own: true},
		{BookID: 1 << 62, Stars: 1, Purchased: true}, {BookID: 7, Own: true},
	}
	got, err := library.DecodeHistory(h.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(h, got); diff != "" {
		t.Error(diff)
	}
	whole := h.Encode()
	if _, err := library.DecodeHistory(whole[:len(whole)-1]); err == nil {
		t.Error("half an entry was read without an error")
	}
	if _, err := library.DecodeHistory([]byte{0, 5}); err == nil {
		t.Error("book 0 was read without an error")
	}
	if _, err := library.DecodeHistory([]byte{1, 7}); err == nil {
		t.Error("seven stars were read without an error")
	}
}

func FuzzDecodeHistory(f *testing.F) {
	f.Add([]byte{1, 5})
	f.Add([]byte{0x80})
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := library.DecodeHistory(data)
		if err != nil {
			return
		}
		again, err := library.DecodeHistory(h.Encode())
		if err != nil || !cmp.Equal(h, again) {
			t.Errorf("%v became %v (%v)", h, again, err)
		}
	})
}
