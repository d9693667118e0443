// Package system tests the two built programs together, on loopback: several
// replicas, a DNS server, a shop in front. Tests of one program stand beside it.
package system
