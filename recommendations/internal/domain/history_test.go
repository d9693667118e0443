package domain_test

import (
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
}

func FuzzDecodeHistory(f *testing.F) {
	f.Add([]byte{1, 5})
	f.Add([]byte{0x80})
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
