// Package goodbooks reads the books of goodbooks-10k (Zygmunt Zajac,
// github.com/zygmuntz/goodbooks-10k, CC BY-SA 4.0) in the form in which they are
// published, which is not the project's own: books.csv, with the series in the
// title and first authors among others, and counts of how many readers put a
// book on which shelf, from which its categories follow. Ratings of the set need
// no reader of their own; package bookcsv reads them as they are.
//
// It works on io.Reader only. It must not import gRPC, HTTP, metrics, a
// database, or any package of this project except bookcsv and library.
package goodbooks
