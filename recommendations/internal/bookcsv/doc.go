// Package bookcsv reads and writes the project's CSV files: books, ratings and
// sample readers. docs/data-formats.md describes the columns.
//
// Readers hand out one row at a time, so a file of any length needs little
// memory, and a faulty row says where it is and what is wrong with it without
// ending the reading. What a writer accepts, a reader gives back equal.
//
// It works on io.Reader and io.Writer only. It must not import gRPC, HTTP,
// metrics, a database, or any package of this project except library.
package bookcsv
