package balance

import (
	"sync"
	"time"
)

const (
	// rampFloor is the share of a new replica at first, as a part of its whole share: enough
	// to see how fast it answers.
	rampFloor = 0.05
	// A call in the ramp is slow from this many times the median of the others, and it holds
	// the ramp up for this many times its length at most.
	rampSlow = 2
	rampHold = 5
	// A replica that did not serve for less than this is not new: its connection was replaced.
	rampGap = time.Second
)

// ramp is the slow start of one replica: a part of its whole share that grows from
// rampFloor to 1.
type ramp struct {
	mu       sync.Mutex
	running  bool
	began    time.Time
	at       time.Time     // when progress was last brought up to date
	progress time.Duration // of the time in which it grows
	held     bool          // no call has ended yet, or the last was slow: it does not grow
	picks    int64         // the pool's picks when credit was last brought up to date
	credit   float64       // calls that it may take
}

func (r *ramp) start(now time.Time, picks int64) (started bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	started = !r.running
	r.running, r.began, r.at, r.progress, r.held, r.picks, r.credit = true, now, now, 0, true, picks, 1
	return started
}

func (r *ramp) end() (ended bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ended, r.running = r.running, false
	return ended
}

// take reports whether the replica, one of size, takes a call that is offered to it after so
// many picks, and whether the ramp ended with that. Its credit grows by the pick and not by
// the offer, since the child offers it more calls the more of them go to others.
func (r *ramp) take(now time.Time, length time.Duration, picks, size int64) (takes, ended bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.running {
		return true, false
	}
	if !r.held {
		r.progress += now.Sub(r.at)
	}
	r.at = now
	if r.progress >= length || now.Sub(r.began) >= rampHold*length {
		r.running = false
		return true, true
	}
	part := rampFloor + (1-rampFloor)*float64(r.progress)/float64(length)
	r.credit = min(2, r.credit+part*float64(picks-r.picks)/float64(size))
	r.picks = picks
	if r.credit < 1 {
		return false, false
	}
	r.credit--
	return true, false
}

// hold says whether the last call was slow.
func (r *ramp) hold(slow bool) {
	r.mu.Lock()
	r.held = slow
	r.mu.Unlock()
}

func (r *ramp) isRunning() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.running
}

// startSlowly starts the ramp of a connection's replica that is about to serve, if it is new,
// or was away, while others have served for longer than a ramp.
func (p *pool) startSlowly(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, length, now := c.replica, p.cfg.slowStart, time.Now()
	if r == nil || r.status == Serving || length == 0 || !r.servedUntil.IsZero() && now.Sub(r.servedUntil) < rampGap {
		return
	}
	for _, other := range p.listed {
		if other != r && other.state == Serving && now.Sub(other.servingSince) >= length && !other.ramp.isRunning() {
			if r.ramp.start(now, p.picks.Load()) {
				p.ramping.Add(1)
			}
			return
		}
	}
}

// rampTakes reports whether r takes a call that is offered to it.
func (p *pool) rampTakes(r *replica) bool {
	takes, ended := r.ramp.take(time.Now(), p.cfg.slowStart, p.picks.Load(), p.size.Load())
	if ended {
		p.ramping.Add(-1)
	}
	return takes
}

// rampEnded takes a good call to r: while calls are slow, the ramp stands still.
func (p *pool) rampEnded(r *replica, o outcome, took time.Duration) {
	if !r.ramp.isRunning() {
		return
	}
	slow := false
	if o.timed {
		p.mu.Lock()
		usual, known := p.usual(r, o.method)
		p.mu.Unlock()
		slow = known && took > rampSlow*usual
	}
	r.ramp.hold(slow)
}
