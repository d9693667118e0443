package catalog

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"unicode/utf8"
)

const (
	maxBookCategories = 4
	maxFaults         = 10 // reported in one error; a wrong column makes every book invalid
)

var (
	slugPattern     = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	pricePattern    = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{1,4})?$`)
	buyPattern      = regexp.MustCompile(`^https?://[^/?#@\\\s"'<>]+([/?#][^\\\s"<>]*)?$`)
	currencyPattern = regexp.MustCompile(`^[A-Z]{3}$`)
)

// validate reports the first faults of contents.
func (c Contents) validate() error {
	if len(c.Books) == 0 {
		return errors.New("no books")
	}
	var faults []error
	count := 0
	fault := func(err error) {
		if count++; count <= maxFaults {
			faults = append(faults, err)
		}
	}
	seen := make(map[int64]bool, len(c.Books))
	for _, b := range c.Books {
		if seen[b.ID] {
			fault(fmt.Errorf("book %d: id is not unique", b.ID))
		}
		seen[b.ID] = true
		if err := b.validate(); err != nil {
			fault(fmt.Errorf("book %d: %w", b.ID, err))
		}
	}
	for _, s := range c.Samples {
		if s.ID <= 0 || s.Label == "" || !utf8.ValidString(s.Label) {
			fault(fmt.Errorf("sample reader %d: want an id above 0 and a label in UTF-8", s.ID))
		}
	}
	if count > maxFaults {
		faults = append(faults, fmt.Errorf("and %d more faults", count-maxFaults))
	}
	return errors.Join(faults...)
}

// validate returns the first fault of a book.
func (b Book) validate() error {
	for _, text := range []string{b.Title, b.Author, b.Series, b.ISBN, b.Description, b.Language, b.BuyURL, b.Publisher, b.Format, b.SeriesNumber} {
		if !utf8.ValidString(text) {
			return errors.New("text is not valid UTF-8")
		}
	}
	for _, c := range b.Contributors {
		if c.Name == "" || !utf8.ValidString(c.Name) || !utf8.ValidString(c.Role) {
			return fmt.Errorf("contributor %q is without a name, or not valid UTF-8", c.Name)
		}
	}
	switch {
	case b.ID <= 0:
		return errors.New("id is not above 0")
	case b.Title == "":
		return errors.New("no title")
	case len(b.Categories) == 0 || len(b.Categories) > maxBookCategories:
		return fmt.Errorf("%d categories, want 1 to %d", len(b.Categories), maxBookCategories)
	case b.Stock != nil && *b.Stock < 0, b.Pages < 0:
		return errors.New("stock or pages is below 0")
	case b.Availability != AvailabilityUnknown && b.Availability != Available && b.Availability != Unavailable:
		return fmt.Errorf("availability %q is unknown", b.Availability)
	case b.BuyURL != "" && !buyPattern.MatchString(b.BuyURL):
		return fmt.Errorf("buy_url %q is not an http or https address", b.BuyURL)
	case b.Popularity < 0:
		return fmt.Errorf("popularity %d is below 0", b.Popularity)
	case (b.Price == "") != (b.Currency == ""):
		return errors.New("price and currency go together")
	case b.Price != "" && !pricePattern.MatchString(b.Price):
		return fmt.Errorf("price %q is not a decimal", b.Price)
	case b.Currency != "" && !currencyPattern.MatchString(b.Currency):
		return fmt.Errorf("currency %q is not three capital letters", b.Currency)
	}
	for i, slug := range b.Categories {
		switch {
		case !slugPattern.MatchString(slug):
			return fmt.Errorf("category %q is not a slug", slug)
		case slices.Contains(b.Categories[:i], slug):
			return fmt.Errorf("category %q is listed twice", slug)
		}
	}
	return nil
}
