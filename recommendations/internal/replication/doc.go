// Package replication keeps the memory of a replica in step with the store: it loads
// catalogue, histories and model, follows what other replicas write, and writes what
// readers do here.
//
// Reads never wait for the store. Once loaded, everything is answered from memory;
// while the store cannot be reached the memory is stale, which a metric and a log
// line report.
package replication
