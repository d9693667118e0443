// Package goodbooks reads the data set goodbooks-10k (Zygmunt Zajac,
// github.com/zygmuntz/goodbooks-10k, CC BY-SA 4.0) as it is published. Its
// books.csv differs from the project's own: the title contains the series, all
// authors are in one cell, and there are no categories. Categories follow from
// the number of readers who put a book on each shelf. The set's ratings already
// have the project's format; package bookcsv reads them.
package goodbooks
