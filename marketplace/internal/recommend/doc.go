// Package recommend is the shop's side of the wire to the recommendations
// service. Protobuf stops here: it takes and gives plain values.
//
// Its Client asks for shelves, each within a deadline, and gives the shop's own
// bestsellers when no good answer comes in time. It stores what readers do, sees
// to it that they see what they did, and follows their shelves from replica to
// replica. Its Feed keeps the catalogue
// in step with the one that recommendations has, and a copy on disk.
//
// It must not import HTTP or the web package.
package recommend
