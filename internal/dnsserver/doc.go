// Package dnsserver is a small authoritative DNS server over UDP and TCP. It stands in for
// the cluster's DNS in the local runner (deploy/local) and in tests: a name has the A
// and AAAA records that were set last, and does not exist without addresses, like a headless
// Service without ready pods. Tests can make it misbehave.
//
// It is for loopback only: it has no zones, no access rules and no rate limits.
package dnsserver
