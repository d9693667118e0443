package bookcsv_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/domain"
)

func TestInteractionsRoundTrip(t *testing.T) {
	at := time.Date(2026, 11, 21, 10, 0, 0, 123456000, time.UTC)
	want := []domain.Interaction{
		{ID: "a-1", UserID: 2000000007, BookID: 7, Kind: domain.Like, At: at},
		{ID: `strange"id,`, UserID: 1, BookID: 9, Kind: domain.Rate, Stars: 5, At: at.Add(time.Microsecond)},
		{ID: "v", UserID: 1, BookID: 9, Kind: domain.View, At: at},
	}
	var file bytes.Buffer
	writer := bookcsv.NewInteractionWriter(&file)
	for _, i := range want {
		if err := writer.Write(i); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Flush(); err != nil {
		t.Fatal(err)
	}
	reader, err := bookcsv.NewInteractionReader("interactions.csv", &file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, readAll(t, reader)); diff != "" {
		t.Error(diff)
	}
}

// Cells that are empty are as columns that are missing, and a kind may be written in any case.
func TestInteractionsWithEmptyCells(t *testing.T) {
	reader, err := bookcsv.NewInteractionReader("i.csv", strings.NewReader("user_id,book_id,kind,rating,id,at\n1,7,,,,\n1,8,,4,,\n1,9,Purchase,,,\n"))
	if err != nil {
		t.Fatal(err)
	}
	got := readAll(t, reader)
	for i, want := range []domain.Kind{domain.Like, domain.Rate, domain.Purchase} {
		if in := got[i]; in.Kind != want || in.ID == "" || !in.At.IsZero() {
			t.Errorf("row %d: %+v, want a %v with an id and no time", i, in, want)
		}
	}
}

func TestFaultyInteractions(t *testing.T) {
	for row, want := range map[string]string{
		"0,7,like,,a,2026-11-21T10:00:00Z":    "i.csv:2: user_id: 0 is less than 1",
		"1,7,love,,a,2026-11-21T10:00:00Z":    `i.csv:2: kind: "love" is not one of view, like, unlike, rating, unrate, purchase, want, unwant, dismiss, undismiss, unpurchase`,
		"1,7,rating,,a,2026-11-21T10:00:00Z":  "i.csv:2: rating: is 0, want 1 to 5",
		"1,7,like,4,a,2026-11-21T10:00:00Z":   "i.csv:2: rating: is 4, but belongs to the kind rating only",
		"1,7,like,,a b,2026-11-21T10:00:00Z":  "i.csv:2: id: must be 1 to 128 printable ASCII characters without spaces",
		"1,7,like,,a,yesterday":               `i.csv:2: at: "yesterday" is not a time of the form 2026-11-21T10:00:00Z, 2026-11-21 10:00:00, 2026-11-21, or seconds since 1970`,
		"1,7,like,,a,0000-01-01T00:00:00Z":    `i.csv:2: at: "0000-01-01T00:00:00Z" is not in the years 1 to 9999 in UTC`,
		"1,7,like,,a,0001-01-01":              `i.csv:2: at: "0001-01-01" is how other programs write that they know no time: leave the cell empty`,
		"1,7,rating,9,a,2026-11-21T10:00:00Z": `i.csv:2: rating: "9" is above 5: ratings up to 10 need --scale=10`,
	} {
		reader, err := bookcsv.NewInteractionReader("i.csv", strings.NewReader("user_id,book_id,kind,rating,id,at\n"+row+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := reader.Next(); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", row, err, want)
		}
	}
}
