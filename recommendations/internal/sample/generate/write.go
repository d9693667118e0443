package main

import (
	"bytes"
	"encoding/csv"
	"io"
	"os"

	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/domain"
)

// writeFiles encodes all three files before it writes the first, so that an
// encoding error leaves the old files unchanged. Existing files keep their mode.
func writeFiles(dir *os.Root, books []domain.Book, ratings []domain.Rating, samples []domain.SampleReader) error {
	bookFile, err := encode(bookcsv.NewBookWriter, books)
	if err != nil {
		return err
	}
	if bookFile, err = withoutEmptyColumns(bookFile); err != nil {
		return err
	}
	ratingFile, err := encode(bookcsv.NewRatingWriter, ratings)
	if err != nil {
		return err
	}
	sampleFile, err := encode(bookcsv.NewSampleWriter, samples)
	if err != nil {
		return err
	}
	if err := dir.WriteFile("books.csv", bookFile, 0o600); err != nil {
		return err
	}
	if err := dir.WriteFile("ratings.csv", ratingFile, 0o600); err != nil {
		return err
	}
	return dir.WriteFile("samples.csv", sampleFile, 0o600)
}

func encode[T any](newWriter func(io.Writer) *bookcsv.Writer[T], rows []T) ([]byte, error) {
	var file bytes.Buffer
	writer := newWriter(&file)
	for _, row := range rows {
		if err := writer.Write(row); err != nil {
			return nil, err
		}
	}
	if err := writer.Flush(); err != nil {
		return nil, err
	}
	return file.Bytes(), nil
}

// withoutEmptyColumns leaves out columns that no row of a CSV file has a value in. The file
// is smaller, and does not change when the format gets another column.
func withoutEmptyColumns(file []byte) ([]byte, error) {
	rows, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
	if err != nil {
		return nil, err
	}
	used := make(map[int]bool)
	for _, row := range rows[1:] {
		for i, cell := range row {
			used[i] = used[i] || cell != ""
		}
	}
	var out bytes.Buffer
	writer := csv.NewWriter(&out)
	for _, row := range rows {
		var kept []string
		for i, cell := range row {
			if used[i] {
				kept = append(kept, cell)
			}
		}
		if err := writer.Write(kept); err != nil {
			return nil, err
		}
	}
	writer.Flush()
	return out.Bytes(), writer.Error()
}
