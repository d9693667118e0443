package catalog

// Book is one title as the shop shows it.
type Book struct {
	ID         int64    `json:"id"`
	Title      string   `json:"title"`
	Author     string   `json:"author"`
	Year       int      `json:"year,omitempty"` // of first publication; negative is BCE, 0 is unknown
	Categories []string `json:"categories"`     // 1 to 4 slugs, the main one first
	Popularity int64    `json:"popularity"`     // readers who like it

	// All below may be empty.
	Series      string `json:"series,omitempty"`
	ISBN        string `json:"isbn,omitempty"`
	Description string `json:"description,omitempty"`
	Price       string `json:"price,omitempty"` // decimal with a point
	Currency    string `json:"currency,omitempty"`
	Language    string `json:"language,omitempty"`
}

// SampleReader is a reader of the data set that a visitor may look at the shop as.
type SampleReader struct {
	ID    int64  `json:"id"`
	Label string `json:"label"`
}

// Contents is what a catalogue is built from: the wire and the snapshot on disk
// both bring this.
type Contents struct {
	Version string         `json:"version"`
	Books   []Book         `json:"books"`
	Samples []SampleReader `json:"sample_readers,omitempty"`
	// ReadOnly says that what readers do is not remembered.
	ReadOnly bool `json:"read_only,omitempty"`
}
