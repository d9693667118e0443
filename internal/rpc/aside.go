package rpc

import (
	"fmt"
	"runtime/debug"
)

// Aside runs a part of a call on a goroutine of its own, and returns when it has ended. What a
// goroutine has needed of stack once it keeps while it waits, so that the handler of a stream
// does what is more than waiting aside. A panic is that of the caller.
func Aside(do func() error) (err error) {
	ended := make(chan struct{})
	var panicked *panicAside
	go func() {
		defer close(ended)
		defer func() {
			if p := recover(); p != nil {
				panicked = &panicAside{value: p, stack: string(debug.Stack())}
			}
		}()
		err = do()
	}()
	<-ended
	if panicked != nil {
		panic(panicked)
	}
	return err
}

// panicAside is a panic of another goroutine, with the stack of that one.
type panicAside struct {
	value any
	stack string
}

// String is what the log says of the panic.
func (p *panicAside) String() string { return fmt.Sprint(p.value) }

// stackOf returns the stack of a panic that was recovered.
func stackOf(p any) string {
	if p, ok := p.(*panicAside); ok {
		return p.stack
	}
	return string(debug.Stack())
}
