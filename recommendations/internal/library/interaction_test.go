package library_test

import (
	"errors"
	"strings"
	"testing"

	"bookstall/recommendations/internal/library"
)

func TestKindNames(t *testing.T) {
	for _, name := range library.KindNames() {
		k, err := library.ParseKind(name)
		if err != nil || k.String() != name {
			t.Errorf("%q became %v, %v", name, k, err)
		}
	}
	for _, name := range []string{"", "love", "Like"} {
		if k, err := library.ParseKind(name); err == nil {
			t.Errorf("%q became %v", name, k)
		}
	}
	if got := library.Kind(77).String(); got != "Kind(77)" {
		t.Error(got)
	}
}

func TestInteractionValidate(t *testing.T) {
	good := library.Interaction{ID: "a-1", UserID: 1, BookID: 2, Kind: library.Rate, Stars: 5}
	tests := []struct {
		name   string
		change func(*library.Interaction)
		field  string // "" for valid
	}{
		{"good", func(*library.Interaction) {}, ""},
		{"reader", func(i *library.Interaction) { i.UserID = 0 }, "user_id"},
		{"book", func(i *library.Interaction) { i.BookID = -1 }, "book_id"},
		{"kind", func(i *library.Interaction) { i.Kind = 0 }, "kind"},
		{"kind beyond", func(i *library.Interaction) { i.Kind = 9 }, "kind"},
		{"no stars", func(i *library.Interaction) { i.Stars = 0 }, "rating"},
		{"six stars", func(i *library.Interaction) { i.Stars = 6 }, "rating"},
		{"stars for a like", func(i *library.Interaction) { i.Kind = library.Like }, "rating"},
		{"no id", func(i *library.Interaction) { i.ID = "" }, "id"},
		{"space in id", func(i *library.Interaction) { i.ID = "a b" }, "id"},
		{"long id", func(i *library.Interaction) { i.ID = strings.Repeat("x", 129) }, "id"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			i := good
			test.change(&i)
			err := i.Validate()
			wrong, ok := errors.AsType[*library.FieldError](err)
			if !ok {
				wrong = &library.FieldError{}
			}
			if wrong.Field != test.field {
				t.Errorf("got %v, want the field %q", err, test.field)
			}
		})
	}
}
