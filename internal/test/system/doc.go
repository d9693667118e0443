// Package system tests the built programs together on loopback: several replicas, a
// DNS server and a shop, with Go and Python clients. Tests of one program are beside
// that program.
package system
