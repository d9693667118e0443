package main

import "time"

const (
	firstWait   = 500 * time.Millisecond
	longestWait = 10 * time.Second
	soundLife   = 30 * time.Second // a process that lived so long did not fail to start
)

// clock is time as the keeper sees it; tests have one of their own.
type clock interface {
	Now() time.Time
	After(time.Duration) <-chan time.Time
}

type wallClock struct{}

func (wallClock) Now() time.Time                         { return time.Now() }
func (wallClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// retries says how long to wait before a process that died starts again.
type retries struct {
	next time.Duration
}

func (r *retries) after(life time.Duration) time.Duration {
	if life >= soundLife {
		r.next = 0
	}
	wait := max(r.next, firstWait)
	r.next = min(2*wait, longestWait)
	return wait
}
