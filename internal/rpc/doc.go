// Package rpc is both ends of the wire between the two services: a gRPC server
// and a client whose keepalive, health, retries, request id, metrics, traces
// and TLS agree, since they stand side by side.
//
// marketplace uses the client, recommendations the server, and the tests of
// each the other end. It knows no message of the contract: it must not import
// gen or any package of a service.
package rpc
