package main

import (
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	firstRestart   = 500 * time.Millisecond // wait before the first restart
	longestRestart = 10 * time.Second
	stableAfter    = 30 * time.Second // a process that ran for this long resets the backoff
)

// clock is the time that a supervisor sees; tests have their own.
type clock interface {
	Now() time.Time
	After(time.Duration) <-chan time.Time
}

type wallClock struct{}

func (wallClock) Now() time.Time                         { return time.Now() }
func (wallClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// restarts is the backoff between the restarts of one program. It has no jitter:
// nothing else restarts at the same time.
type restarts struct{ *backoff.ExponentialBackOff }

func newRestarts() restarts {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = firstRestart, longestRestart
	b.Multiplier, b.RandomizationFactor = 2, 0
	return restarts{b}
}

// after returns how long to wait before the restart of a process that ran for life.
func (r restarts) after(life time.Duration) time.Duration {
	if life >= stableAfter {
		r.Reset()
	}
	return r.NextBackOff()
}
