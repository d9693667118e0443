// Package replication keeps a recommender in step with a store: it loads catalogue,
// histories and model, follows what other replicas write, and writes what readers
// do here.
//
// Reads never wait for the store: once loaded, everything is answered from memory,
// and while the store is away the memory is stale, which a metric and a log line
// say. It must not import gRPC, protobuf or HTTP.
package replication
