package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"text/tabwriter"
	"time"
)

// outputDelay is how long the output of an ended process is read, if a child of that
// process keeps it open.
const outputDelay = 200 * time.Millisecond

// program is a program to run and restart.
type program struct {
	name, path     string
	args           []string
	env            []string // added to the runner's own environment
	address, admin string   // what it serves readers or the shop on, and what operators
}

// supervisor runs programs and restarts them.
type supervisor struct {
	starter *starter
	clock   clock
	out     *output
	// giveUp, if not nil, is called instead of another restart when a program has exited
	// maxExits times before the shop was open: most likely its settings are wrong.
	giveUp func(name string)
	opened atomic.Bool
	pids   sync.Map // from a program's name to the pid of its last start, an int
}

// maxExits is how many times a program may exit, not killed by a signal, before the
// shop is open.
const maxExits = 3

// run runs p and restarts it after each exit. When stop is done it sends SIGTERM, and
// SIGKILL when kill is done. It returns when the process has ended.
func (s *supervisor) run(stop, kill context.Context, p program) {
	restart := newRestarts()
	exits := 0
	for stop.Err() == nil {
		started := s.clock.Now()
		how, exited := s.runOnce(stop, kill, p)
		if stop.Err() != nil {
			s.out.say("%s stopped (%s)", p.name, how)
			return
		}
		if exited {
			exits++
		}
		if s.giveUp != nil && exits == maxExits && !s.opened.Load() {
			s.out.say("%s exited (%s) %d times before the shop was open; see its last log lines", p.name, how, maxExits)
			s.giveUp(p.name)
			return
		}
		wait := restart.after(s.clock.Now().Sub(started))
		s.out.say("%s exited (%s); restarting in %v", p.name, how, wait)
		select {
		case <-s.clock.After(wait):
		case <-stop.Done():
		}
	}
}

// runOnce runs p until it ends. It returns how p ended, and whether it exited rather
// than being killed by a signal.
func (s *supervisor) runOnce(stop, kill context.Context, p program) (how string, exited bool) {
	lines := s.out.lineWriter(p.name)
	defer lines.flush()
	cmd := exec.Command(p.path, p.args...)   //nolint:gosec // the path is the developer's own -bin
	cmd.Env = append(os.Environ(), p.env...) // the last of duplicates counts
	cmd.Stdout, cmd.Stderr = lines, lines
	cmd.WaitDelay = outputDelay
	if err := s.starter.start(cmd); err != nil {
		return err.Error(), true
	}
	s.pids.Store(p.name, cmd.Process.Pid)
	s.out.say("%s started (pid %d): %s, admin %s", p.name, cmd.Process.Pid, p.address, p.admin)

	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // runOnce returns the state instead
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
	signalGroup(cmd, syscall.SIGKILL) // children that it left behind
	return cmd.ProcessState.String(), cmd.ProcessState.Exited()
}

// table returns what runs where: a line for the runner itself, which serves DNS, and for
// each program.
func (s *supervisor) table(dns string, programs ...program) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "program\tpid\taddress\tadmin address")
	fmt.Fprintf(w, "%s\t%d\t%s (DNS)\t\n", ownName, os.Getpid(), dns)
	for _, p := range programs {
		pid, _ := s.pids.Load(p.name)
		fmt.Fprintf(w, "%s\t%v\t%s\t%s\n", p.name, pid, p.address, p.admin)
	}
	_ = w.Flush() // to memory: cannot fail
	return text.String()
}
