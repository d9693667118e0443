// Package repo holds the rules of this repository that no linter checks, as
// tests: which package may import which, which modules go.mod may require, and
// that every fuzz target has a seed.
package repo
