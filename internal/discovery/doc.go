// Package discovery finds the replicas of a gRPC service by DNS and keeps the
// list of them fresh. It is a gRPC resolver for the targets dns:///NAME:PORT
// and dns://SERVER/NAME:PORT that differs from the stock one in four ways:
//
//   - It asks again every few seconds, so that a new replica is found without
//     waiting for a connection to break.
//   - A name without addresses (NXDOMAIN, which is what a headless Service
//     without ready pods answers) leaves the last good list in place for a
//     bounded time, instead of dropping connections that still work.
//   - A replica whose calls time out in a row is taken off the list, at most
//     half of them at a time, and comes back only when a probe of ours says
//     so, never by way of a reader's call.
//   - It has metrics.
//
// It is passed to one client with grpc.WithResolvers and registers nothing
// globally. It knows addresses and times only: what a call is and how a replica
// is probed belongs to package rpc, which must be its only importer besides
// tests. It must not import anything else of this project but dnsserver in
// tests.
package discovery
