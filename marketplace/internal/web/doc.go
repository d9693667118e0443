// Package web is the shop as readers and programs see it over HTTP: pages,
// drawn covers and the JSON API.
//
// HTTP types stop here: it takes books from catalog and shelves from a
// Recommender, both plain values. Pages forgive what they are asked, the API
// says what is wrong with it. It must not import gRPC or gen/.
package web
