// Package discovery finds the replicas of a gRPC service by DNS and keeps the list of
// them up to date. It is a gRPC resolver for the targets dns:///NAME:PORT and
// dns://SERVER/NAME:PORT that differs from grpc-go's own in four ways:
//
//   - It repeats the lookup every few seconds, so that it finds a new replica without
//     waiting for a connection to break.
//   - When the name has no addresses (NXDOMAIN, which a headless Service without ready
//     pods gives), the last list stays in use for a bounded time, instead of dropping
//     connections that still work.
//   - It ejects a replica whose calls fail, time out or are slow several times in a row,
//     at most half of the replicas at a time. An ejected replica is readmitted when a
//     probe succeeds, so that no reader's call serves as the probe.
//   - It has metrics.
//
// Pass it to a client with grpc.WithResolvers; it registers nothing globally. It deals
// with addresses, results and times; package rpc decides what counts as a failed call
// and how a replica is probed.
package discovery
