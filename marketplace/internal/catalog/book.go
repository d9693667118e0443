package catalog

// Book is one title as the shop shows it.
type Book struct {
	ID         int64    `json:"id"`
	Title      string   `json:"title"`
	Author     string   `json:"author"`
	Year       int      `json:"year,omitempty"` // year of first publication; negative is BCE, 0 is unknown
	Categories []string `json:"categories"`     // 1 to 4 slugs, the main one first
	Popularity int64    `json:"popularity"`     // number of readers who like it

	// The rest may be empty.
	Series      string `json:"series,omitempty"`
	ISBN        string `json:"isbn,omitempty"`
	Description string `json:"description,omitempty"`
	Price       string `json:"price,omitempty"` // decimal with a point
	Currency    string `json:"currency,omitempty"`
	Language    string `json:"language,omitempty"`
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
