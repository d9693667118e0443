// Package engine decides which books a reader may like: it trains a model from
// what readers liked and ranks books by it.
//
// The method is local EASE. EASE (Steck, "Embarrassingly Shallow Autoencoders
// for Sparse Data", WWW 2019, arXiv:1905.03375) predicts every book as a linear
// combination of the other books a reader has, by one ridge regression with a
// closed form. Here each book is regressed on its nearest neighbours alone, the
// sparse approximation of Steck, "Markov Random Fields for Collaborative
// Filtering" (NeurIPS 2019): thousands of systems of 50 unknowns in place of one
// of 10,000, which is faster, smaller and, on book ratings, more accurate.
//
// Two things are added to it. Books count by their [Strength], so that also what a
// reader did not love says something of him or her. And books of one author are
// taken to have some readers in common, which helps where readers are few.
//
// Because the regression predicts from few books poorly, a share of popularity
// is added to every score; it fades as the history grows (see [Prior]).
//
// Books are items here: dense indexes 0 to n-1 that the caller hands out in
// ascending order of book id, so that a tie won by the lower index is won by the
// lower id. Everything is deterministic: the same input gives the same bytes
// with any number of workers and, with the default settings, on any processor;
// the order of a history is without effect.
//
// The package is pure. It must not import gRPC, HTTP, metrics, tracing, storage
// or any other package of this project, and it keeps no state of its own.
package engine
