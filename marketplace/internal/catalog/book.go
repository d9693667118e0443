package catalog

import (
	"slices"
	"time"
)

// Book is one title as the shop shows it.
type Book struct {
	ID         int64    `json:"id"`
	Title      string   `json:"title"`
	Author     string   `json:"author"`
	Year       int      `json:"year,omitempty"` // year of first publication; negative is BCE, 0 is unknown
	Categories []string `json:"categories"`     // 1 to 4 slugs, the main one first
	Popularity int64    `json:"popularity"`     // how many readers like it, by the owner's figures or by the model

	// The rest may be empty.
	ExternalID  string `json:"external_id,omitempty"` // the id in the owner's files, if it is no number there
	Series      string `json:"series,omitempty"`
	ISBN        string `json:"isbn,omitempty"`
	Description string `json:"description,omitempty"`
	Price       string `json:"price,omitempty"` // decimal with a point
	Currency    string `json:"currency,omitempty"`
	Language    string `json:"language,omitempty"`

	Availability Availability  `json:"availability,omitempty"`
	Stock        *int64        `json:"stock,omitempty"`  // copies for sale; nil is unknown
	Hidden       bool          `json:"hidden,omitempty"` // on no shelf and in no list
	BuyURL       string        `json:"buy_url,omitempty"`
	Publisher    string        `json:"publisher,omitempty"`
	Format       string        `json:"format,omitempty"` // e.g. "Paperback"
	Pages        int           `json:"pages,omitempty"`
	SeriesNumber string        `json:"series_number,omitempty"` // e.g. "2"; then Series is the name alone
	Contributors []Contributor `json:"contributors,omitempty"`  // besides the author
	Added        time.Time     `json:"added,omitzero"`          // when the catalogue got it; zero is unknown
	New          bool          `json:"-"`                       // about as young as the newest book; a Catalog sets it
}

// Availability says whether a book can be bought.
type Availability string

// The availabilities.
const (
	AvailabilityUnknown Availability = "" // it can be bought unless there is no stock
	Available           Availability = "available"
	Unavailable         Availability = "unavailable"
)

// CanBeBought reports whether the book can be bought, as far as is known.
func (b *Book) CanBeBought() bool {
	return b.Availability == Available || b.Availability == AvailabilityUnknown && (b.Stock == nil || *b.Stock > 0)
}

// Equal reports whether two books are the same in everything.
func (b *Book) Equal(other *Book) bool {
	sameStock := b.Stock == other.Stock || b.Stock != nil && other.Stock != nil && *b.Stock == *other.Stock
	return b.ID == other.ID && b.Title == other.Title && b.Author == other.Author && b.Year == other.Year &&
		slices.Equal(b.Categories, other.Categories) && b.Popularity == other.Popularity &&
		b.ExternalID == other.ExternalID && b.Series == other.Series && b.ISBN == other.ISBN && b.Description == other.Description &&
		b.Price == other.Price && b.Currency == other.Currency && b.Language == other.Language &&
		b.Availability == other.Availability && sameStock && b.Hidden == other.Hidden && b.BuyURL == other.BuyURL &&
		b.Publisher == other.Publisher && b.Format == other.Format && b.Pages == other.Pages && b.SeriesNumber == other.SeriesNumber &&
		slices.Equal(b.Contributors, other.Contributors) &&
		b.Added.Equal(other.Added) && b.New == other.New
}

// Contributor is a further author, or somebody else who made a book.
type Contributor struct {
	Name string `json:"name"`
	Role string `json:"role,omitempty"` // e.g. "illustrator"; empty for a further author
}

// SampleReader is a reader from the data set. A visitor can browse the shop as one.
type SampleReader struct {
	ID    int64  `json:"id"`
	Label string `json:"label"`
}

// Contents is the input of a catalogue, from recommendations or from a snapshot.
type Contents struct {
	Version string         `json:"version"`
	Books   []Book         `json:"books"`
	Samples []SampleReader `json:"sample_readers,omitempty"`
	// ReadOnly is set when recommendations has no store and records no interactions.
	ReadOnly bool `json:"read_only,omitempty"`
}
