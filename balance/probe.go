package balance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/health" // the client side of healthCheckConfig
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// controls is how many other replicas are probed beside a suspect.
const controls = 3

// examine probes a suspect and, at the same time, some of the others, and ejects the
// suspect if it fails the probe and at least half of the others pass it. It does not wait
// for calls, so it decides in the same time at one call a second as at a thousand.
func (p *pool) examine(ctx context.Context, r *replica) {
	others := p.pickControls(r)
	passed := make(chan bool, len(others))
	// The probes of the others are of no use once the suspect has passed its own.
	controlCtx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	for _, other := range others {
		running.Go(func() {
			_, err := p.probeOnce(controlCtx, other)
			passed <- err == nil
		})
	}
	_, err := p.probeOnce(ctx, r)
	if err == nil {
		stop()
	}
	running.Wait()
	stop()
	close(passed)
	healthy := 0
	for ok := range passed {
		if ok {
			healthy++
		}
	}

	p.mu.Lock()
	defer p.mu.Unlock()
	if ctx.Err() != nil { // it left the list or was readmitted while the probe ran
		return
	}
	switch method, reason := r.exclusion.method, r.exclusion.reason; {
	case err == nil: // perhaps slowly: if it stays slow, its calls eject it
		p.readmit(r, ReasonProbed)
		p.cfg.log.Debug("replica no longer suspected, probe succeeded", "address", r.addresses[0])
	case healthy == 0 || healthy*2 < len(others):
		p.readmit(r, ReasonCommon)
		p.cfg.log.Debug("replica no longer suspected, the others failed the probe as well", "address", r.addresses[0])
	default:
		p.eject(r, method, reason)
	}
}

// pickControls returns some of the replicas but r that receive calls, at random.
func (p *pool) pickControls(r *replica) []*replica {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []*replica
	for _, other := range p.listed {
		if other != r && other.state == Serving {
			list = append(list, other)
		}
	}
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:min(controls, len(list))]
}

// probeInterval returns the time between probes at the n-th ejection in a row.
func (p *pool) probeInterval(n int) time.Duration {
	every := p.cfg.ejection.ProbeInterval
	for range n - 1 {
		if every *= 2; every >= p.cfg.ejection.MaxProbeInterval {
			return p.cfg.ejection.MaxProbeInterval
		}
	}
	return every
}

func (p *pool) probeUntilHealthy(ctx context.Context, r *replica, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		took, err := p.probeOnce(ctx, r)
		if p.readmitProbed(ctx, r, took, err) {
			return
		}
	}
}

// readmitProbed readmits r unless its probe failed or was slow, and reports whether there
// is nothing more to probe.
func (p *pool) readmitProbed(ctx context.Context, r *replica, took time.Duration, err error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ctx.Err() != nil { // it left the list or was readmitted while the probe ran
		return true
	}
	if err != nil {
		p.cfg.log.Debug("probe of ejected replica failed", "address", r.addresses[0], "error", err.Error())
		return false
	}
	if limit, known := p.slowLimit(r, r.exclusion.method, took); known && took >= limit {
		p.cfg.log.Debug("probe of ejected replica was slow", "address", r.addresses[0], "took", took.String())
		return false
	}
	p.readmit(r, ReasonProbed)
	p.cfg.log.Info("replica readmitted, probe succeeded", "address", r.addresses[0])
	return true
}

func (p *pool) probeOnce(ctx context.Context, r *replica) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.ejection.ProbeTimeout)
	defer cancel()
	return p.probe(ctx, r)
}

// errNotConnected means that there is no connection to probe.
var errNotConnected = errors.New("not connected")

// probeConn checks the health of a replica and makes the call of WithProbe. It uses the
// connection that calls use, which may be what hangs. It returns how long the call took, 0
// if it made none.
func (p *pool) probeConn(ctx context.Context, r *replica) (time.Duration, error) {
	c := p.connected(r)
	if c == nil {
		return 0, errNotConnected
	}
	cc, done := c.calls()
	defer done()
	if cc == nil {
		return 0, errNotConnected
	}
	if !p.cfg.noHealth {
		answer, err := healthpb.NewHealthClient(cc).Check(ctx, &healthpb.HealthCheckRequest{Service: p.cfg.service})
		switch {
		case status.Code(err) == codes.Unimplemented: // counts as healthy, as in the watch
		case err != nil:
			return 0, err
		case answer.GetStatus() != healthpb.HealthCheckResponse_SERVING:
			return 0, fmt.Errorf("health is %s", answer.GetStatus())
		}
	}
	if p.cfg.probe == nil {
		return 0, nil
	}
	began := time.Now()
	err := p.cfg.probe(ctx, cc)
	if status.Code(err) == codes.ResourceExhausted {
		return 0, nil // it sheds load: busy, but not sick
	}
	return time.Since(began), err
}

// connected returns a connection of r over which calls can be made, nil if there is none.
func (p *pool) connected(r *replica) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c, status := range r.conns {
		if status == Serving {
			return c
		}
	}
	for c := range r.conns { // its health may be outdated: let the probe see
		return c
	}
	return nil
}
