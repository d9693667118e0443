// Package goodbooks reads the tables of the data set goodbooks-10k (Zygmunt Zajac,
// github.com/zygmuntz/goodbooks-10k, CC BY-SA 4.0) from which the categories of its books
// follow: how many readers put a book on each shelf. Package bookcsv reads its books and
// ratings.
package goodbooks
