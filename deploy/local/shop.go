package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"bookstall/internal/dnsserver"
)

// From the first Ctrl-C on: when marketplace is killed, and when the replicas
// are. Each has 2 s to drain and a little; all ends within 5 s.
const (
	marketplaceGrace = 2200 * time.Millisecond
	replicasGrace    = 4500 * time.Millisecond
)

// runShop starts everything in order, and returns when all of it has ended: after
// stop is done, or a fault of the runner's own. When kill is done, all is killed.
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

	starter := newStarter()
	defer starter.close()
	lost := make(chan string, 1)
	k := &keeper{starter: starter, clock: wallClock{}, out: out, hopeless: func(name string) {
		select {
		case lost <- name:
			cancel()
		default: // one is enough
		}
	}}
	replicas, shop := newStage(kill, k), newStage(kill, k)
	watch, ctx := errgroup.WithContext(stop)
	defer func() {
		cancel()
		since := <-began
		out.say("closing: marketplace first, then the replicas")
		shop.end(since.Add(marketplaceGrace))
		replicas.end(since.Add(replicasGrace))
		err = errors.Join(err, watch.Wait())
		select {
		case name := <-lost:
			err = errors.Join(err, fmt.Errorf("%s cannot run", name))
		default:
		}
	}()

	roll, err := newRoll(server, l, out)
	if err != nil {
		return err
	}
	marketplace, err := l.marketplaceProgram()
	if err != nil {
		return err
	}
	out.sayUnused(marketplace)
	for _, r := range l.replicas {
		out.sayUnused(l.replicaProgram(r))
	}
	for _, r := range l.replicas {
		replicas.keep(l.replicaProgram(r))
		watch.Go(func() error {
			return watchHealth(ctx, r.grpc, func(serving bool) { roll.set(r.name, serving) })
		})
	}
	if roll.await(ctx) {
		shop.keep(marketplace)
	}
	if awaitReady(ctx, l.shopAdmin) {
		k.opened.Store(true)
		out.say("Bookstall is open: http://%s - %s", l.shop, l.replicaList())
	}
	<-ctx.Done()
	return nil
}
