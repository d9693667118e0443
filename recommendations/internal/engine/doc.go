// Package engine recommends books: it trains a model from readers' histories and
// ranks books by it.
//
// The method is local EASE. EASE (Steck, "Embarrassingly Shallow Autoencoders
// for Sparse Data", WWW 2019, arXiv:1905.03375) predicts every book as a linear
// combination of the other books of a reader, by one ridge regression with a
// closed form. This package regresses each book on its nearest neighbours only,
// the sparse approximation of Steck, "Markov Random Fields for Collaborative
// Filtering" (NeurIPS 2019): thousands of systems of 50 unknowns instead of one
// of 10,000, which is faster, smaller and, on book ratings, more accurate.
//
// The package adds two things to the method. Each book of a reader counts by its
// [Strength], because books that the reader did not love are informative too. And
// books of one author are treated as if they had more readers in common, which
// helps for books with few readers.
//
// The regression predicts poorly from a short history. Therefore a share of
// popularity is added to every score; it fades as the history grows (see [Prior]).
//
// The package calls books items: indexes 0 to n-1, which the caller assigns in
// ascending order of book id, so that ties go to the lower id. Everything is
// deterministic: the same input gives the same bytes with any number of workers
// and, with the default settings, on any processor. The order of a history has no
// effect. The package keeps no state of its own.
package engine
