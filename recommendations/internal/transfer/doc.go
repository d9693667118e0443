// Package transfer brings books, ratings and interactions from files into a
// store, and back: import, export and the restore of an export.
//
// Files are streamed: millions of ratings need memory for their numbers only. It
// must not import gRPC, HTTP, metrics or tracing.
package transfer
