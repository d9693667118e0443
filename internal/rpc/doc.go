// Package rpc has both ends of the gRPC connection between the two services, side by
// side so that their keepalive, health checks, retries, request ids, metrics, traces
// and TLS agree. marketplace uses the Client, recommendations the Server. Neither
// depends on a particular service or message.
package rpc
