// Package evaluate measures the quality of recommendations: it hides a part of the
// books that some readers like and counts how many of them a ranker, which was
// not trained with these readers, ranks at the top.
//
// The protocol is deterministic. Which readers are held out and which of their books
// are hidden follows from a hash of their ids, so the same ratings give the same
// figures in every run and in any programming language:
//
//  1. A book is a positive of a reader if at least one of the reader's ratings of it
//     has 4 stars or more. Readers with fewer than 5 positives are left out.
//  2. h is FNV-1a with 64 bits, over ASCII digits. Reader u belongs to fold
//     h("u") mod 5. One fold is held out; all other readers are for training.
//  3. A positive b of a held-out reader u is a target if h("u:b") mod 5 is 0.
//     Otherwise it is fold-in, which the ranker gets. Readers without targets
//     or without fold-in are skipped. The ranker also gets the stars of the
//     fold-in, and the reader's books below 4 stars, which are never targets: a
//     shop knows them.
//  4. The ranker ranks all books that are not fold-in. Recall@20, Recall@50
//     and NDCG@100 are means over readers. Coverage@20 is the share of the books
//     with a positive that are among at least one reader's first 20.
//
// This is strong generalisation as in Liang et al., "Variational Autoencoders for
// Collaborative Filtering" (WWW 2018, arXiv:1802.05814), with hashes instead of
// random draws.
//
// The package also has simple methods to compare with: popularity, popularity in the
// reader's categories, item-kNN, and random books. [Report] presents the results as
// a table, as JSON or as a chart.
package evaluate
