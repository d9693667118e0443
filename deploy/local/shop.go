package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"bookstall/deploy/local/traces"
	"bookstall/internal/dnsserver"
)

// Time from the first Ctrl-C until marketplace is killed, and until the replicas are.
// Both drain for up to 2 s; the whole shutdown takes less than 5 s.
const (
	marketplaceGrace = 2200 * time.Millisecond
	replicasGrace    = 4500 * time.Millisecond
)

// runShop starts everything in order. When stop is done, or the runner itself fails, it
// stops everything and returns. When kill is done, it kills what still runs.
func runShop(stop, kill context.Context, l layout, out *output) (err error) {
	stop, cancel := context.WithCancel(stop)
	defer cancel()
	began := make(chan time.Time, 1)
	context.AfterFunc(stop, func() {
		began <- time.Now()
		out.closing()
	})

	server, err := dnsserver.Start(l.dns)
	if err != nil {
		return fmt.Errorf("DNS server: %w", err)
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	out.say("DNS server started: %s on %s", l.dnsName, l.dns)

	if l.traces != "" {
		viewer, err := traces.Start(l.otlp, l.traces)
		if err != nil {
			return fmt.Errorf("traces: %w", err)
		}
		defer func() {
			if closed := viewer.Close(); closed != nil {
				out.say("traces: %v", closed)
			}
		}()
		out.say("traces: http://%s, by OTLP from %s", l.traces, l.otlp)
	}

	starter := newStarter()
	defer starter.close()
	lost := make(chan string, 1)
	s := &supervisor{starter: starter, clock: wallClock{}, out: out, giveUp: func(name string) {
		select {
		case lost <- name:
			cancel()
		default: // another program was reported first
		}
	}}
	replicas, shop := newGroup(kill, s), newGroup(kill, s)
	watch, ctx := errgroup.WithContext(stop)
	defer func() {
		cancel()
		since := <-began
		out.say("stopping marketplace, then the replicas")
		shop.end(since.Add(marketplaceGrace))
		replicas.end(since.Add(replicasGrace))
		err = errors.Join(err, watch.Wait())
		select {
		case name := <-lost:
			err = errors.Join(err, fmt.Errorf("%s cannot run", name))
		default:
		}
	}()

	members, err := newMembership(server, l, out)
	if err != nil {
		return err
	}
	marketplace, err := l.marketplaceProgram()
	if err != nil {
		return err
	}
	programs := []program{marketplace}
	for _, r := range l.replicas {
		programs = append(programs, l.replicaProgram(r))
	}
	for _, p := range programs {
		out.sayOverridden(p)
	}
	if l.prometheus != "" {
		p := l.prometheusProgram()
		programs = append(programs, p)
		shop.run(p)
	}
	for i, r := range l.replicas {
		replicas.run(programs[1+i])
		watch.Go(func() error {
			return watchHealth(ctx, l.health(r), checkEvery, func(serving bool) { members.set(r.name, serving) })
		})
	}
	if l.certLife > 0 {
		watch.Go(func() error {
			return l.certs().Keep(ctx, func() { out.say("certificates renewed") })
		})
	}
	if members.await(ctx) {
		shop.run(marketplace)
	}
	if awaitReady(ctx, l.shopAdmin) {
		s.opened.Store(true)
		out.say("%sBookstall is open: http://%s", s.table(l.dns, programs...), l.shop)
	}
	<-ctx.Done()
	return nil
}
