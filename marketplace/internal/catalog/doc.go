// Package catalog holds the books that the shop shows, finds them, and keeps a
// copy of them on disk. All of it is in memory: a Catalog is replaced as a
// whole, and readers of the old contents go on undisturbed.
//
// It is plain Go values. It must not import gRPC, HTTP, metrics, tracing, or
// any other package of this project.
package catalog
