// Package evaluate measures how good a way of recommending books is: it hides a
// part of what some readers like and counts how much of it the ranker,
// which has never seen these readers, puts at the top.
//
// The protocol is deterministic. Who is held out and what is hidden follow from
// a hash of their ids, so that the same ratings give the same figures in every
// run and in any language:
//
//  1. A book is a positive of a reader when at least one rating of it has 4 stars
//     or more. Readers with fewer than 5 positives are left out.
//  2. h is FNV-1a with 64 bits over ASCII digits. Reader u belongs to fold
//     h("u") mod 5. One fold is held out, all other readers are for training.
//  3. Book b of a held-out reader u is a target when h("u:b") mod 5 is 0, else it
//     is given to the ranker (fold-in). Readers without a target or without
//     fold-in are skipped.
//     Stars are given to it too, also those of books below 4 stars, which are
//     never targets: a shop knows them.
//  4. The ranker ranks all books that are not fold-in. Recall@20, Recall@50
//     and NDCG@100 are means over readers; coverage@20 is the share of the
//     books with a positive that come in at least one reader's first 20.
//
// This is strong generalisation as in Liang et al., "Variational Autoencoders
// for Collaborative Filtering" (WWW 2018, arXiv:1802.05814), with hashes in
// place of random draws.
//
// Simple methods stand beside for comparison: popularity, popularity within the
// reader's categories, item-kNN and chance. Report is what comes out, as a table,
// as JSON or as a picture.
//
// The package is pure: it knows ratings and rankings, not how either is made. It
// must not import gRPC, HTTP, metrics, storage or any other package of this
// project (its tests measure the engine that serves).
package evaluate
