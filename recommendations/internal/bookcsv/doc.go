// Package bookcsv reads and writes the project's CSV files: books, ratings and
// sample readers. docs/data-formats.md describes the columns.
//
// Readers return one row at a time, so a file of any length needs little memory.
// The error for a faulty row says where it is and what is wrong, and the rows
// after it can still be read. A row that a writer accepts is read back equal.
package bookcsv
