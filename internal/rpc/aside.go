package rpc

import "bookstall/internal/telemetry"

// Aside runs a part of a call on a goroutine of its own, and returns when it has ended. What a
// goroutine has needed of stack once it keeps while it waits, so that the handler of a stream
// does what is more than waiting aside. A panic is that of the caller.
func Aside(do func() error) (err error) {
	ended := make(chan struct{})
	var panicked *telemetry.Panic
	go func() {
		defer close(ended)
		defer func() {
			if p := recover(); p != nil {
				panicked = telemetry.NewPanic(p)
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
