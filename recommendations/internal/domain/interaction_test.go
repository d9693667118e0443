package domain_test

import (
	"errors"
	"strings"
	"testing"

	"bookstall/recommendations/internal/domain"
)

func TestKindNames(t *testing.T) {
	for _, name := range domain.KindNames() {
		k, err := domain.ParseKind(name)
		if err != nil || k.String() != name {
			t.Errorf("%q became %v, %v", name, k, err)
		}
	}
	for _, name := range []string{"", "love", "Like"} {
		if k, err := domain.ParseKind(name); err == nil {
			t.Errorf("%q became %v", name, k)
		}
	}
	for _, name := range []string{"view", "like", "unlike", "rating", "unrate", "purchase"} {
		if k, err := domain.ParseKind(name); err != nil || k.Newer() {
			t.Errorf("%q, a kind of version 0.1.0, is %v, newer: %v, %v", name, k, k.Newer(), err)
		}
	}
	for _, name := range []string{"want", "unwant", "dismiss", "undismiss", "unpurchase"} {
		if k, err := domain.ParseKind(name); err != nil || !k.Newer() {
			t.Errorf("%q is %v, newer: %v, %v", name, k, k.Newer(), err)
		}
	}
	if got := domain.Kind(77).String(); got != "Kind(77)" {
		t.Error(got)
	}
}

func TestInteractionValidate(t *testing.T) {
	good := domain.Interaction{ID: "a-1", UserID: 1, BookID: 2, Kind: domain.Rate, Stars: 5}
	tests := []struct {
		name   string
		change func(*domain.Interaction)
		field  string // "" for valid
	}{
		{"good", func(*domain.Interaction) {}, ""},
		{"reader", func(i *domain.Interaction) { i.UserID = 0 }, "user_id"},
		{"book", func(i *domain.Interaction) { i.BookID = -1 }, "book_id"},
		{"kind", func(i *domain.Interaction) { i.Kind = 0 }, "kind"},
		{"kind beyond", func(i *domain.Interaction) { i.Kind = domain.Unpurchase + 1; i.Stars = 0 }, "kind"},
		{"no stars", func(i *domain.Interaction) { i.Stars = 0 }, "rating"},
		{"six stars", func(i *domain.Interaction) { i.Stars = 6 }, "rating"},
		{"stars for a like", func(i *domain.Interaction) { i.Kind = domain.Like }, "rating"},
		{"no id", func(i *domain.Interaction) { i.ID = "" }, "id"},
		{"space in id", func(i *domain.Interaction) { i.ID = "a b" }, "id"},
		{"long id", func(i *domain.Interaction) { i.ID = strings.Repeat("x", 129) }, "id"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			i := good
			test.change(&i)
			err := i.Validate()
			wrong, ok := errors.AsType[*domain.FieldError](err)
			if !ok {
				wrong = &domain.FieldError{}
			}
			if wrong.Field != test.field {
				t.Errorf("got %v, want the field %q", err, test.field)
			}
		})
	}
}
