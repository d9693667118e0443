package main

import (
	"context"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"
)

// leftovers is how long the output of a process that has ended may stay open
// in a child of its own.
const leftovers = 200 * time.Millisecond

// program is one process to keep running.
type program struct {
	name, path string
	args       []string
	env        []string // over the runner's own environment
	where      string   // its addresses, for the reader
}

// keeper keeps programs running.
type keeper struct {
	starter *starter
	clock   clock
	out     *output
	// hopeless is called when a program ends by itself, again and again, before
	// the shop was open: a setting that can never work, most likely. Without it,
	// nothing is given up.
	hopeless func(name string)
	opened   atomic.Bool
}

// lastTry is how often a program may end by itself before the shop was open.
const lastTry = 3

// keep runs p, again after each death, until stop is done; then p gets SIGTERM,
// and SIGKILL when kill is done. It returns once the process has ended.
func (k *keeper) keep(stop, kill context.Context, p program) {
	var again retries
	byItself := 0
	for stop.Err() == nil {
		born := k.clock.Now()
		how, exited := k.once(stop, kill, p)
		if stop.Err() != nil {
			k.out.say("%s stopped (%s)", p.name, how)
			return
		}
		if exited {
			byItself++
		}
		if k.hopeless != nil && byItself == lastTry && !k.opened.Load() {
			k.out.say("%s died (%s), %d times before the shop was open; its last lines say why", p.name, how, lastTry)
			k.hopeless(p.name)
			return
		}
		wait := again.after(k.clock.Now().Sub(born))
		k.out.say("%s died (%s); starts again in %v", p.name, how, wait)
		select {
		case <-k.clock.After(wait):
		case <-stop.Done():
		}
	}
}

// once runs p until it ends, and says how it did, and whether by itself: not by
// a signal.
func (k *keeper) once(stop, kill context.Context, p program) (how string, exited bool) {
	lines := k.out.lineWriter(p.name)
	defer lines.flush()
	cmd := exec.Command(p.path, p.args...)   //nolint:gosec // the path is the developer's own -bin
	cmd.Env = append(os.Environ(), p.env...) // the last of a name holds
	cmd.Stdout, cmd.Stderr = lines, lines
	cmd.WaitDelay = leftovers
	if err := k.starter.start(cmd); err != nil {
		return err.Error(), true
	}
	k.out.say("%s started (pid %d): %s", p.name, cmd.Process.Pid, p.where)

	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // the state says the same
	}()
	select {
	case <-ended:
	case <-stop.Done():
		signalGroup(cmd, syscall.SIGTERM)
		select {
		case <-ended:
		case <-kill.Done():
			signalGroup(cmd, syscall.SIGKILL)
			<-ended
		}
	}
	signalGroup(cmd, syscall.SIGKILL) // children of its own that it left
	return cmd.ProcessState.String(), cmd.ProcessState.Exited()
}
