package balance

import (
	"context"
	"time"
)

// relapse is the time after readmission within which an ejection counts as repeated.
const relapse = time.Minute

// Health checks miss a replica that answers them and nothing else, and a retry does not
// help once the deadline has passed. So calls are watched, and a replica is taken out
//
//   - when a call fails or times out, as a suspect, until a probe has decided;
//   - when calls of one method fail, time out or are slow several times in a row.
//
// A replica is compared with the others, by the same method or the same probe, at the same
// time: if most do badly, the cause is the call, the database or the network, and none is
// ejected. At most half of the replicas are out, and none unless others serve.

// ended takes the outcome of an attempt at r, and returns how that changed its state, the zero
// Change if it did not.
func (p *pool) ended(r *replica, o outcome) Change {
	now := o.began.Add(o.took)
	r.mu.Lock()
	r.figures.add(o, now)
	if o.verdict == nothing || r.out.Load() || o.began.Before(r.readmitted) { // outdated
		r.mu.Unlock()
		return Change{}
	}
	took := max(1, o.took-o.waited) // without the time in the queue: a busy replica is not a slow one
	slow := false
	if rec := r.record(o.method); o.verdict == good {
		rec.bad, rec.good = 0, now
		if rec.wellFrom.IsZero() {
			rec.wellFrom = now
		}
		if o.timed {
			rec.add(took)
			if slow = took >= p.cfg.ejection.SlowFloor; !slow {
				rec.slow = 0
			}
		}
	} else {
		if rec.bad == 0 {
			rec.badFrom = o.began
		}
		rec.bad++
		rec.wellFrom = time.Time{}
	}
	r.mu.Unlock()
	if o.verdict == good && p.ramping.Load() > 0 {
		p.rampEnded(r, o, took)
	}
	switch {
	case o.verdict != good:
		return p.endedBadly(r, o)
	case slow:
		return p.endedSlowly(r, o, took)
	}
	return Change{}
}

// endedBadly ejects or suspects r after a failure or a timeout.
func (p *pool) endedBadly(r *replica, o outcome) Change {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.canExclude(r) {
		// Once it can be, nobody knows how it did meanwhile: it begins as a suspect.
		r.mu.Lock()
		r.record(o.method).bad = 0
		r.mu.Unlock()
		return Change{}
	}
	r.mu.Lock()
	rec := *r.record(o.method)
	r.mu.Unlock()
	reason := ReasonErrors
	if o.verdict == timedOut {
		reason = ReasonTimeouts
	}
	if rec.bad >= p.cfg.ejection.Threshold && p.othersHealthy(r, o, rec.badFrom, 0) {
		return p.eject(r, o.method, reason)
	}
	return p.suspect(r, o.method, reason)
}

// endedSlowly ejects r after a call that took longer than the floor, if it was one of too
// many.
func (p *pool) endedSlowly(r *replica, o outcome, took time.Duration) Change {
	p.mu.Lock()
	defer p.mu.Unlock()
	limit, known := p.slowLimit(r, o.method, took)
	r.mu.Lock()
	rec := r.record(o.method)
	if !known || took < limit {
		rec.slow = 0
		r.mu.Unlock()
		return Change{}
	}
	if rec.slow == 0 {
		rec.slowFrom = o.began
	}
	rec.slow++
	rec.wellFrom = time.Time{}
	slow, from := rec.slow, rec.slowFrom
	r.mu.Unlock()
	if slow >= p.cfg.ejection.SlowThreshold && o.began.Sub(from) >= p.cfg.ejection.SlowSpan &&
		p.canExclude(r) && p.othersHealthy(r, o, from, limit) {
		return p.eject(r, o.method, ReasonSlow)
	}
	return Change{}
}

// canExclude reports whether r may be taken out: it is not, ejection is on, another replica
// serves, and at least half of the replicas stay. The caller holds p.mu.
func (p *pool) canExclude(r *replica) bool {
	return r.exclusion.state == "" && r.left.IsZero() && p.ctx.Err() == nil && (p.out+1)*2 <= p.used() && p.serving(r) > 0
}

// others calls do with the record of a method at each replica but r and those that are out.
// The caller holds p.mu.
func (p *pool) others(r *replica, method string, do func(*record)) {
	for _, other := range p.listed {
		if other != r && other.exclusion.state == "" && other.status != Unused {
			other.mu.Lock()
			do(other.record(method))
			other.mu.Unlock()
		}
	}
}

// othersHealthy reports whether at least half of the other replicas, and at least one, did
// well while r did badly, the last time in o. They have answered its method since the given
// time, began to do well before the call of o began, and their last call took less than
// limit, 0 for any time. So
//
//   - the calls that are in flight when common trouble ends say nothing about r;
//   - nor does common slowness, which the medians follow at different moments: what is slow
//     for r need not be slow for another;
//   - a replica that is down or not serving has not answered.
//
// The caller holds p.mu.
func (p *pool) othersHealthy(r *replica, o outcome, since time.Time, limit time.Duration) bool {
	var all, healthy int
	p.others(r, o.method, func(rec *record) {
		quick := limit == 0 || rec.n > 0 && rec.last() < limit
		well := !rec.wellFrom.IsZero() && !rec.wellFrom.After(o.began)
		if all++; well && quick && !rec.good.Before(since) {
			healthy++
		}
	})
	return healthy > 0 && healthy*2 >= all
}

// slowLimit returns the time from which a call of a method is slow; known is false until
// another replica has enough calls to compare with. If took is below the floor, it
// returns the floor without comparing. The caller holds p.mu.
func (p *pool) slowLimit(r *replica, method string, took time.Duration) (limit time.Duration, known bool) {
	e := p.cfg.ejection
	if took < e.SlowFloor {
		return e.SlowFloor, true
	}
	usual, known := p.usual(r, method)
	return max(e.SlowFloor, time.Duration(e.SlowFactor)*usual), known
}

// usual returns the median time of a method at the other replicas. The caller holds p.mu.
func (p *pool) usual(r *replica, method string) (time.Duration, bool) {
	var usual []time.Duration
	p.others(r, method, func(rec *record) {
		if m, ok := rec.median(); ok {
			usual = append(usual, m)
		}
	})
	if len(usual) == 0 {
		return 0, false
	}
	return median(usual), true
}

// used returns the number of replicas that the child uses. The caller holds p.mu.
func (p *pool) used() (n int) {
	for _, r := range p.listed {
		if r.status != Unused {
			n++
		}
	}
	return n
}

// serving returns the number of replicas but r that receive calls. The caller holds p.mu.
func (p *pool) serving(r *replica) (n int) {
	for _, other := range p.listed {
		if other != r && other.state == Serving {
			n++
		}
	}
	return n
}

// suspect takes r out until a probe has decided, unless a probe has done so within the last
// ProbeInterval. The caller holds p.mu and has asked canExclude.
func (p *pool) suspect(r *replica, method, reason string) Change {
	now := time.Now()
	if r.status != Serving || now.Sub(r.exclusion.suspected) < p.cfg.ejection.ProbeInterval {
		return Change{}
	}
	r.exclusion.suspected = now
	ctx, change := p.exclude(r, Suspected, reason, method)
	p.cfg.log.Debug("replica suspected", "address", r.addresses[0], "reason", reason, "method", method)
	p.probes.Go(func() { p.examine(ctx, r) })
	return change
}

// eject takes r out, or keeps it out, until a probe passes. The caller holds p.mu.
func (p *pool) eject(r *replica, method, reason string) Change {
	x := &r.exclusion
	if x.ejections++; time.Since(x.readmit) > relapse {
		x.ejections = 1
	}
	ctx, change := p.exclude(r, Ejected, reason, method)
	p.cfg.log.Warn("replica ejected", "address", r.addresses[0], "reason", reason, "method", method, "ejectionsInARow", x.ejections)
	every := p.probeInterval(x.ejections)
	p.probes.Go(func() { p.probeUntilHealthy(ctx, r, every) })
	return change
}

// exclude takes r out, or changes why it is. It returns a context that ends when it does so
// again or r is readmitted, and the change. The caller holds p.mu.
func (p *pool) exclude(r *replica, state State, reason, method string) (context.Context, Change) {
	x := &r.exclusion
	if x.stop != nil {
		x.stop()
	}
	if x.state == "" {
		p.out++
	}
	ctx, stop := context.WithCancel(p.ctx)
	x.state, x.reason, x.method, x.stop = state, reason, method, stop
	r.out.Store(true)
	change := p.changed(r, reason)
	p.queueStates(r)
	return ctx, change
}

// readmit lets r receive calls again. After an ejection, its past does not count; reason ""
// is that it left the list. The caller holds p.mu.
func (p *pool) readmit(r *replica, reason string) {
	x := &r.exclusion
	if x.state == "" {
		return
	}
	x.stop()
	now := time.Now()
	r.mu.Lock()
	r.readmitted = now
	if x.state == Ejected || reason == ReasonCommon {
		clear(r.records)
	}
	r.mu.Unlock()
	if x.state == Ejected {
		x.readmit = now
	}
	x.state, x.reason, x.method, x.stop = "", "", "", nil
	p.out--
	r.out.Store(false)
	if reason != "" {
		p.changed(r, reason)
		p.queueStates(r)
	}
}

// readmitIfNoneServes readmits the replicas that could serve when no other does: one that
// is suspected or ejected is better than none. The caller holds p.mu.
func (p *pool) readmitIfNoneServes() {
	if p.out == 0 || p.serving(nil) > 0 {
		return
	}
	for _, r := range p.listed {
		if r.exclusion.state != "" && r.status == Serving {
			p.readmit(r, ReasonNeeded)
			p.cfg.log.Warn("replica readmitted, no other is serving", "address", r.addresses[0])
		}
	}
}

// queueStates has the child told whether it may use the connections to r. The caller holds p.mu.
func (p *pool) queueStates(r *replica) {
	for c := range r.conns {
		c.policy.events.put(c.tellChild)
	}
}
