// Package bookcsv reads tables of books, ratings and interactions as people have them, and
// writes them in the form of the project. docs/data-formats.md describes both.
//
// Readers return one row at a time, so a file of any length needs little memory.
// The error for a faulty row says where it is and what is wrong, and the rows
// after it can still be read. A row that a writer accepts is read back equal.
package bookcsv
