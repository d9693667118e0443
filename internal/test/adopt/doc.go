// Package adopt tests what balance/README.md tells adopters to do: to copy the folder into a
// module of its own, unchanged.
package adopt
