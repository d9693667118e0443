// Package dnsserver is a small authoritative DNS server over UDP and TCP. It
// plays the cluster's DNS for the local runner (deploy/local) and for the tests
// of both services: the A records of a name are whatever was set last, and a
// name without addresses does not exist, as with a headless Service that has no
// ready pod. Tests may make it misbehave.
//
// It is for loopback: it knows no zones, no access rules and no rate limits. It
// must not import anything of this project, and no service may import it.
package dnsserver
