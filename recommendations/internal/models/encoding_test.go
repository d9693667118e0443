package models_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/models"
)

func books(ids ...int64) (list []domain.Book) {
	for _, id := range ids {
		list = append(list, domain.Book{ID: id, Title: fmt.Sprintf("Book %d", id), Author: "Author"})
	}
	return list
}

// model returns a model of three books: 0 adds to 1 and 2, and 2 adds to 0.
func model() models.Model {
	m := models.Model{
		Metadata: models.Metadata{
			Method: "test", Parameters: engine.DefaultParams(), CatalogVersion: "v1", Books: 3,
			Metrics: &models.Metrics{Readers: 7, NDCG100: 0.5},
		},
		Weights: engine.Model{
			RowStart: []int32{0, 2, 2, 3}, Targets: []int32{1, 2, 0},
			Weights: []float32{0.5, -0.25, 0.125}, Counts: []int32{5, 0, 300},
		},
	}
	for _, b := range books(10, 20, 1<<40) {
		m.Books = append(m.Books, models.KeyOf(b))
	}
	return m
}

func encode(tb testing.TB, m models.Model) []byte {
	tb.Helper()
	encoded, err := models.Encode(m)
	if err != nil {
		tb.Fatal(err)
	}
	return encoded
}

func TestRoundTrip(t *testing.T) {
	want := model()
	encoded := encode(t, want)
	got, err := models.Decode(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if again := encode(t, got); !bytes.Equal(again, encoded) || models.Version(again) != models.Version(encoded) {
		t.Error("the same model made other bytes")
	}
}

func TestEveryDamagedByteIsFound(t *testing.T) {
	encoded := encode(t, model())
	for i := range encoded {
		damaged := bytes.Clone(encoded)
		damaged[i] ^= 0x40
		if _, err := models.Decode(damaged); !errors.Is(err, models.ErrDamaged) {
			t.Errorf("byte %d: %v", i, err)
		}
		if _, err := models.Decode(encoded[:i]); !errors.Is(err, models.ErrDamaged) {
			t.Errorf("cut at %d: %v", i, err)
		}
	}
}

// seal appends the right checksum to a body.
func seal(body []byte) []byte {
	sum := sha256.Sum256(body)
	return append(bytes.Clone(body), sum[:]...)
}

func TestAnotherFormatIsNotDamage(t *testing.T) {
	encoded := encode(t, model())
	body := encoded[:len(encoded)-sha256.Size]
	newer := bytes.Clone(body)
	newer[len("bookstall model\n")] = 2
	if _, err := models.Decode(seal(newer)); !errors.Is(err, models.ErrUnknownFormat) {
		t.Errorf("got %v, want models.ErrUnknownFormat", err)
	}
}

func TestAModelFollowsTheCatalogue(t *testing.T) {
	tests := []struct {
		name    string
		catalog []domain.Book
		want    engine.Model
		foreign bool
	}{
		{name: "the same", catalog: books(10, 20, 1<<40), want: model().Weights},
		{
			name: "with new books between", catalog: books(5, 10, 15, 20, 30, 1<<40, 1<<41),
			want: engine.Model{
				RowStart: []int32{0, 0, 2, 2, 2, 2, 3, 3}, Targets: []int32{3, 5, 1},
				Weights: []float32{0.5, -0.25, 0.125}, Counts: []int32{0, 5, 0, 0, 0, 300, 0},
			},
		},
		{
			name: "with one gone", catalog: books(10, 1<<40),
			want: engine.Model{RowStart: []int32{0, 1, 2}, Targets: []int32{1, 0}, Weights: []float32{-0.25, 0.125}, Counts: []int32{5, 300}},
		},
		{name: "with other books", catalog: books(1, 2, 3, 10), foreign: true},
		{
			name: "with other books of the same ids", foreign: true,
			catalog: []domain.Book{{ID: 10, Title: "Else"}, {ID: 20, Title: "Else"}, {ID: 1 << 40, Title: "Else"}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := model().For(test.catalog)
			if test.foreign {
				if !errors.Is(err, models.ErrForeign) {
					t.Errorf("got %v, want models.ErrForeign", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if err := got.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestEncodeRefusesWhatDecodeWould(t *testing.T) {
	for name, change := range map[string]func(*models.Model){
		"books out of order": func(m *models.Model) { m.Books[1].ID = 5 },
		"a book too few":     func(m *models.Model) { m.Books = m.Books[:2] },
		"a wild target":      func(m *models.Model) { m.Weights.Targets[0] = 9 },
	} {
		m := model()
		change(&m)
		if _, err := models.Encode(m); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzDecode(f *testing.F) {
	encoded := encode(f, model())
	f.Add(encoded[:len(encoded)-sha256.Size])
	f.Add([]byte("bookstall model\n\x01\x00\x00\x00\xff\xff\xff\xff\x0f"))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := models.Decode(seal(body))
		if err != nil {
			return
		}
		if _, err := models.Encode(m); err != nil {
			t.Errorf("decoded, but cannot be encoded: %v", err)
		}
	})
}
