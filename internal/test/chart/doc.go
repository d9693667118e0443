// Package chart tests the Helm chart without a cluster: it renders the same with Helm 3
// and 4, as in the golden files; its manifests are valid and restricted, and set only
// variables that the programs know; wrong values are refused. Tests on a cluster are in
// internal/test/e2e.
package chart
