package telemetry

import (
	"fmt"
	"runtime/debug"
)

// Panic is a panic of another goroutine than the one that handles it, which may panic with it
// once more.
type Panic struct {
	value any
	stack string
}

// NewPanic returns what was recovered. Call it where it was.
func NewPanic(recovered any) *Panic {
	return &Panic{value: recovered, stack: StackOf(recovered)}
}

// Error implements error.
func (p *Panic) Error() string { return fmt.Sprint(p.value) }

// StackOf returns the stack of what was just recovered: where a Panic was, or of the caller.
func StackOf(recovered any) string {
	if p, ok := recovered.(*Panic); ok {
		return p.stack
	}
	return string(debug.Stack())
}
