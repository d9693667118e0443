package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// interrupts turns signals into contexts. The first SIGINT, SIGTERM or SIGHUP, or the
// end of ctx, cancels stop. A later SIGINT cancels kill. A later SIGTERM does not: a
// SIGTERM to the process group arrives twice, because make forwards its own.
func interrupts(ctx context.Context) (stop, kill context.Context, release func()) {
	stop, cancelStop := context.WithCancel(ctx)
	kill, cancelKill := context.WithCancel(context.Background())

	wanted := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
		wanted = append(wanted, syscall.SIGHUP)
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, wanted...)
	// Received but never read: writing to a closed output then returns an error instead
	// of killing this process.
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)

	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case sig := <-signals:
				if stop.Err() == nil {
					cancelStop()
				} else if sig == syscall.SIGINT {
					cancelKill()
				}
			case <-quit:
				return
			}
		}
	}()
	return stop, kill, func() {
		signal.Stop(signals)
		signal.Stop(pipe)
		close(quit)
		<-done
		cancelStop()
		cancelKill()
	}
}
