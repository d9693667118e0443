package domain_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bookstall/recommendations/internal/domain"
)

// Two texts of readers that have the same first choice would need 2^51 attempts: these tests
// take the number of a text by Name instead.

func numbers(t *testing.T, n *domain.Numbering, texts ...string) (ids []int64) {
	t.Helper()
	for _, text := range texts {
		id, err := n.Number(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		ids = append(ids, id)
	}
	return ids
}

func TestNumbersAreThemselves(t *testing.T) {
	n := domain.NewNumbering(domain.BookID, nil, false)
	got := numbers(t, n, "1", "42", "+7", "2251799813685247", "4503599627370496", "9780195153446", "9223372036854775807")
	if diff := cmp.Diff([]int64{1, 42, 7, domain.FirstMapped - 1, domain.LastMapped + 1, 9780195153446, 1<<63 - 1}, got); diff != "" {
		t.Error(diff)
	}
	if used := n.Used(); used != nil {
		t.Errorf("numbers became the texts %v", used)
	}
}

func TestTextsHaveNumbersOfTheirRange(t *testing.T) {
	texts := []string{
		"ann@example.org", "Ann@example.org", "550e8400-e29b-41d4-a716-446655440000", "SKU-7", "7x", "0x7", "٤٢", "1e5", "1.5", "a,b", "/a/../b?c#d",
		"9223372036854775808", "2251799813685248", "4503599627370495", "日本", strings.Repeat("é", domain.MaxExternalID),
	}
	n, again := domain.NewNumbering(domain.ReaderID, nil, false), domain.NewNumbering(domain.ReaderID, nil, false)
	got := numbers(t, n, texts...)
	seen := map[int64]bool{}
	for i, id := range got {
		if !domain.IsMapped(id) || seen[id] || n.Text(id) != texts[i] {
			t.Errorf("%q became %d of %q", texts[i], id, n.Text(id))
		}
		seen[id] = true
		if other := numbers(t, again, texts[len(texts)-1-i])[0]; other != got[len(texts)-1-i] {
			t.Errorf("in another order, %q became %d", texts[len(texts)-1-i], other)
		}
	}
	if n.Used() != nil {
		t.Error("what was only looked up is in use")
	}
	n.Use(got[3])
	n.Use(42)
	if diff := cmp.Diff([]domain.ExternalID{{Kind: domain.ReaderID, ID: got[3], Text: "SKU-7"}}, n.Used()); diff != "" {
		t.Error(diff)
	}
	if book := numbers(t, domain.NewNumbering(domain.BookID, nil, false), "SKU-7")[0]; book == got[3] {
		t.Error("a book and a reader share a number")
	}
	// The number of a text never changes: stores have it.
	if got := domain.FirstChoice(domain.BookID, "SKU-7"); got != skuSeven {
		t.Errorf("SKU-7 is %d, was %d", got, int64(skuSeven))
	}
}

const skuSeven = 4429730361058675

func TestWhatIsNoID(t *testing.T) {
	n := domain.NewNumbering(domain.ReaderID, nil, false)
	for _, text := range []string{
		"0", "-1", "000", "NULL", "nan", "None", "N/A", `\N`, "undefined", "a\nb", "a\x00b", "\x7f", "\xff", " a", strings.Repeat("x", domain.MaxExternalID+1),
	} {
		if id, err := n.Number(text); err == nil {
			t.Errorf("%q became %d", text, id)
		}
	}
}

// 007 is 7 where ids are numbers, and not 7 where ids are texts.
func TestLeadingZeros(t *testing.T) {
	stored := func(texts ...string) (list []domain.ExternalID) {
		for _, text := range texts {
			list = append(list, domain.ExternalID{Kind: domain.BookID, ID: domain.FirstChoice(domain.BookID, text), Text: text})
		}
		return list
	}
	for name, test := range map[string]struct {
		stored   []domain.ExternalID
		numbered bool // the store has numbers
		ids      string
		same     bool // whether 007 is 7
		mixed    bool
	}{
		"numbers":                  {ids: "007 7 12", same: true},
		"texts after":              {ids: "007 7 A12", same: true, mixed: true},
		"texts before":             {ids: "A12 7 007", same: true, mixed: true},
		"texts without zeros":      {ids: "A12 7", same: true},
		"a store of numbers":       {numbered: true, ids: "007 7 A12", same: true},
		"a store of texts":         {stored: stored("A12"), ids: "007 7"},
		"a store of both":          {stored: stored("A12"), numbered: true, ids: "007 7", same: true},
		"a store of both and 008":  {stored: stored("008"), numbered: true, ids: "007 7"},
		"a store of readers alone": {stored: []domain.ExternalID{{Kind: domain.ReaderID, ID: domain.FirstMapped, Text: "A"}}, ids: "007 7", same: true},
	} {
		n := domain.NewNumbering(domain.BookID, test.stored, test.numbered)
		n.TakeTexts()
		ids := numbers(t, n, strings.Fields(test.ids)...)
		mixed := n.Mixed()
		if same := numbers(t, n, "007")[0] == 7; same != test.same || mixed != test.mixed {
			t.Errorf("%s: %v of %s, mixed: %v", name, ids, test.ids, mixed)
		}
		if !test.mixed {
			continue
		}
		if split := n.Split(); numbers(t, split, "007")[0] == numbers(t, split, "7")[0] || split.Mixed() {
			t.Errorf("%s: 007 is 7 after the split", name)
		}
	}
}

func TestNamesOfNumbers(t *testing.T) {
	n := domain.NewNumbering(domain.BookID, []domain.ExternalID{{Kind: domain.BookID, ID: 9, Text: "nine"}, {Kind: domain.BookID, ID: domain.FirstMapped, Text: "first"}}, true)
	for _, test := range []struct {
		id   int64
		text string
		ok   bool
	}{
		{7, "seven", true}, {7, "seven", true}, {8, "seven", false}, {7, "VII", true}, {8, "seven", true},
		{domain.FirstMapped, "other", false}, {domain.FirstMapped, "first", true}, {10, "first", false}, {10, "a\tb", false}, {9, "IX", true},
	} {
		if err := n.Name(test.id, test.text); (err == nil) != test.ok {
			t.Errorf("%d as %q: %v", test.id, test.text, err)
		}
	}
	if ids := numbers(t, n, "VII", "IX", "first", "2251799813685248"); !cmp.Equal(ids, []int64{7, 9, domain.FirstMapped, domain.FirstMapped}) {
		t.Errorf("numbers %v", ids)
	}
	taken := domain.FirstChoice(domain.BookID, "late")
	if err := n.Name(taken, "early"); err != nil {
		t.Fatal(err)
	}
	if id := numbers(t, n, "late")[0]; id != domain.NextChoice(taken) {
		t.Errorf("a text whose number is taken has %d, want the next", id)
	}
	if domain.NextChoice(domain.LastMapped) != domain.FirstMapped {
		t.Error("the last number has none after it")
	}
}

// A text among numbers may be a typing mistake.
func TestTextsInAStoreOfNumbers(t *testing.T) {
	n := domain.NewNumbering(domain.BookID, nil, true)
	for _, text := range []string{"7x", "99999999999999999999", "2251799813685248"} {
		if id, err := n.Number(text); !errors.Is(err, domain.ErrNumbersOnly) {
			t.Errorf("%q became %d (%v)", text, id, err)
		}
	}
	n.TakeTexts()
	numbers(t, n, "7x")
	numbers(t, domain.NewNumbering(domain.BookID, []domain.ExternalID{{Kind: domain.BookID, ID: domain.FirstMapped, Text: "a"}}, true), "7x")
}

// FuzzNumbering checks that a text has one number, that no two have the same, and that a
// numbering of what the store has then agrees.
func FuzzNumbering(f *testing.F) {
	f.Add("7", "007", "A12", int64(1))
	f.Add("ann@example.org", "2251799813685248", "\xff", int64(2))
	f.Add("NULL", "-1", "99999999999999999999", int64(3))
	f.Fuzz(func(t *testing.T, a, b, c string, seed int64) {
		texts := []string{a, b, c, a + b, fmt.Sprint(seed)}
		n := domain.NewNumbering(domain.ReaderID, nil, false)
		byID, byText := map[int64]string{}, map[string]int64{}
		for range 2 {
			for _, i := range rand.New(rand.NewPCG(uint64(seed), 0)).Perm(len(texts)) {
				text := texts[i]
				id, err := n.Number(text)
				if err != nil {
					continue
				}
				n.Use(id)
				if before, ok := byText[text]; id < 1 || ok && before != id {
					t.Errorf("%q is %d, was %d", text, id, before)
				}
				byText[text] = id
				if !domain.IsMapped(id) {
					continue
				}
				if other, ok := byID[id]; ok && other != text || n.Text(id) != text {
					t.Errorf("%q and %q are %d", text, other, id)
				}
				byID[id] = text
			}
		}
		next := domain.NewNumbering(domain.ReaderID, n.Used(), true)
		next.TakeTexts()
		for text, id := range byText {
			if again, err := next.Number(text); err != nil || again != id {
				t.Errorf("%q became %d (%v), was %d", text, again, err, id)
			}
		}
		if used := next.Used(); used != nil {
			t.Errorf("%v is in use", used)
		}
	})
}
