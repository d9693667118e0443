// Package recommend is the shop's client of the recommendations service. It converts
// protobuf messages to plain Go values, so that no other package of the shop needs
// the generated code.
//
// Client gets shelves, each within a deadline, and falls back to the shop's own
// bestsellers. It records interactions, makes sure that readers see their own
// writes, and follows a reader's shelf across replicas. Feed keeps the shop's
// catalogue up to date and saves a snapshot of it.
package recommend
