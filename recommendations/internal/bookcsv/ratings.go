package bookcsv

import (
	"io"
	"strconv"

	"bookstall/recommendations/internal/domain"
)

// maxLabel is the longest label of a sample reader, in characters. The shop shows
// it in a narrow list.
const maxLabel = 60

// RatingReader reads a ratings.csv. It does not detect a second rating of a book
// by the same reader, because that would keep millions of rows in memory. The
// caller decides which one counts.
type RatingReader = Reader[domain.Rating]

// RatingWriter writes a ratings.csv.
type RatingWriter = Writer[domain.Rating]

// SampleReader reads a samples.csv, the sample readers of a data set.
type SampleReader = Reader[domain.SampleReader]

// SampleWriter writes a samples.csv.
type SampleWriter = Writer[domain.SampleReader]

// NewRatingWriter returns a writer of a ratings.csv. The caller must call Flush at
// the end.
func NewRatingWriter(w io.Writer) *RatingWriter {
	return newWriter(w, ratingFormat(nil, nil))
}

// NewSampleWriter returns a writer of a samples.csv. The caller must call Flush at
// the end.
func NewSampleWriter(w io.Writer) *SampleWriter {
	return newWriter(w, sampleFormat(nil))
}

func ratingFormat(readers, books *domain.Numbering) format[domain.Rating] {
	type rating = domain.Rating
	return format[rating]{profiles: ratingProfiles(), columns: []column[rating]{
		{
			name:  "user_id",
			parse: func(r *rating, cell string) error { return parseID(&r.UserID, readers, cell) },
			text:  func(r *rating) string { return strconv.FormatInt(r.UserID, 10) },
		},
		{
			name:  "book_id",
			parse: func(r *rating, cell string) error { return parseID(&r.BookID, books, cell) },
			text:  func(r *rating) string { return strconv.FormatInt(r.BookID, 10) },
		},
		{
			name:  "rating",
			parse: func(r *rating, cell string) error { return parseStars(&r.Stars, cell) },
			text:  func(r *rating) string { return strconv.Itoa(r.Stars) },
		},
	}}
}

func sampleFormat(ids *domain.Numbering) format[domain.SampleReader] {
	type reader = domain.SampleReader
	return format[reader]{
		id:  func(r *reader) int64 { return r.ID },
		ids: ids,
		columns: []column[reader]{
			{
				name:  "user_id",
				parse: func(r *reader, cell string) error { return parseID(&r.ID, ids, cell) },
				text:  func(r *reader) string { return strconv.FormatInt(r.ID, 10) },
			},
			{
				name:  "label",
				parse: func(r *reader, cell string) error { return parseName(&r.Label, cell, maxLabel) },
				text:  func(r *reader) string { return r.Label },
			},
		},
	}
}
