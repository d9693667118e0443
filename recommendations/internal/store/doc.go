// Package store stores books, interactions and models in SQLite or PostgreSQL.
//
// A write is durable once it returns. Every commit that changes histories has a
// sequence number, seq, so that a replica can ask for what changed since. Each
// reader's history is one row, beside the interactions it was folded from: six
// million ratings are 50,000 rows and load within a second.
//
// During a rollout old and new programs share one store. So a migration only adds:
// one release can work with the old and the new schema, a later one removes what is
// no longer used. A store with a newer schema than this program knows is used as it
// is.
package store
