// Package repo checks the rules of this repository that no linter checks: which
// package may import which, which modules go.mod may require, that package variables
// do not change, that every fuzz target has a seed, and that every target of the
// Makefile works alone in a fresh clone.
package repo
