// Package chart holds what is true of the Helm chart without a cluster: it
// renders alike with Helm 3 and 4, as its golden files say; its manifests are
// valid, safe, and set only what the programs know; wrong values are refused.
//
// It has no code but tests, and no other package may import it. It must not need
// a cluster or a network: what does is in internal/test/e2e.
package chart
