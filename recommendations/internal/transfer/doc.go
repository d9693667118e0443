// Package transfer imports books, ratings and interactions from files into a
// store, and exports them to files, which can be imported again.
//
// Files are streamed: of millions of ratings, only the numbers are kept in memory.
package transfer
