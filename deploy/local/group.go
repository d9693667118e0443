package main

import (
	"context"
	"sync"
	"time"
)

// stage is the programs that are stopped together.
type stage struct {
	keeper     *keeper
	stop, kill context.Context
	beginStop  context.CancelFunc
	beginKill  context.CancelFunc
	running    sync.WaitGroup
}

// newStage returns an empty stage; when kill is done, so are its programs.
func newStage(kill context.Context, k *keeper) *stage {
	s := &stage{keeper: k}
	s.stop, s.beginStop = context.WithCancel(context.Background())
	s.kill, s.beginKill = context.WithCancel(kill)
	return s
}

func (s *stage) keep(p program) {
	s.running.Go(func() { s.keeper.keep(s.stop, s.kill, p) })
}

// end stops the programs, kills at the deadline what still runs, and returns
// when all have ended.
func (s *stage) end(deadline time.Time) {
	late := time.AfterFunc(time.Until(deadline), s.beginKill)
	s.beginStop()
	s.running.Wait()
	late.Stop()
	s.beginKill()
}
