// Package lifecycle starts the parts of a program in order, tells the world
// when it is ready, and stops the parts in reverse order with a deadline each.
//
// Both programs run by it. It knows functions only: it must not import gRPC,
// HTTP, metrics, tracing, or any other package of this project.
package lifecycle
