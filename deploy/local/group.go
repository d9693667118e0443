package main

import (
	"context"
	"sync"
	"time"
)

// group is a set of programs that are stopped together.
type group struct {
	supervisor *supervisor
	stop, kill context.Context
	beginStop  context.CancelFunc
	beginKill  context.CancelFunc
	running    sync.WaitGroup
}

// newGroup returns an empty group. Its programs are killed when kill is done.
func newGroup(kill context.Context, s *supervisor) *group {
	g := &group{supervisor: s}
	g.stop, g.beginStop = context.WithCancel(context.Background())
	g.kill, g.beginKill = context.WithCancel(kill)
	return g
}

// run starts a program and restarts it until end is called.
func (g *group) run(p program) {
	g.running.Go(func() { g.supervisor.run(g.stop, g.kill, p) })
}

// end stops the programs, kills those still running at the deadline, and returns
// when all have ended.
func (g *group) end(deadline time.Time) {
	late := time.AfterFunc(time.Until(deadline), g.beginKill)
	g.beginStop()
	g.running.Wait()
	late.Stop()
	g.beginKill()
}
