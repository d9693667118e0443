// Package catalog holds the shop's books in memory, searches them, and saves them in a
// snapshot on disk. A Catalog is replaced as a whole; requests in progress keep the
// version that they started with.
package catalog
