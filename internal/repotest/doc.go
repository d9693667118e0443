// Package repotest holds the rules of this repository as tests: what a package
// says of itself, who may import what, and what code must not have. It has no
// code of its own, and must not be imported.
package repotest
