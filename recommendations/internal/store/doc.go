// Package store keeps books, what readers do, and models, in SQLite or in
// PostgreSQL.
//
// A write is durable once it returns. Every commit that changes histories has a
// number, seq, so that a follower can ask for what changed since. Readers'
// histories are kept folded, one row each, beside the interactions they were
// folded from: six million ratings are 50,000 rows and load in a moment.
//
// In a rollout old and new programs use one store side by side. So a migration
// only ever adds: first a version that can do with the new and the old, later, in
// another release, one that removes what nobody uses any more. A store whose
// schema is newer than this program knows is used as it is.
//
// It must not import gRPC, HTTP, metrics or tracing.
package store
