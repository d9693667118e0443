package drills

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"bookstall/internal/dnsserver"
	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/pgserver"
)

// incidents returns what an operator must hear of, for package alerts. Readers may notice
// anything.
func incidents() []drill {
	const minute = time.Second // an alert's minute, as package alerts scales them
	return []drill{
		{
			name: "slow-pages", shows: "all replicas take 700ms more for each call, and pages wait for them", cost: anything, rate: 20,
			fleet:  fleet.Config{MarketplaceArgs: []string{"--recommendations-timeout=3s"}},
			script: faultsInAll(`{"delay":"700ms"}`, 8*minute),
		},
		{name: "errors-all", shows: "all replicas fail every call with INTERNAL", cost: anything, script: faultsInAll(`{"error_share":1,"code":"INTERNAL"}`, 12*minute)},
		{name: "panic", shows: "one call to one replica panics", cost: anything, script: onePanic},
		{name: "one-gets-all", shows: "DNS names one of three replicas only", cost: anything, script: oneGetsAll},
		{name: "dns-silent", shows: "DNS does not answer for 70 s", cost: anything, script: useless(dnsserver.Dropped, 70*time.Second, firstWithin+lookup)},
		{
			name: "store-away", shows: "PostgreSQL is stopped as by a crash, for 40 s; a write every half second", cost: anything,
			store: inServer, needs: pgserver.Check, script: outageOf(40*time.Second, "PostgreSQL is stopped", killDatabase),
		},
		{
			name: "one-cut-off", shows: "one of three replicas is cut off from PostgreSQL; then a model is trained", cost: anything,
			store: inServer, needs: pgserver.Check, fleet: fleet.Config{Replicas: 2}, script: oneCutOff,
		},
		{name: "damaged-model", shows: "the active model is damaged in the store", cost: anything, store: inFile, script: damagedModel},
		{name: "restarts", shows: "one replica crashes and is started again, three times", cost: anything, script: restarts},
		{
			name: "memory", shows: "replicas may use less memory (GOMEMLIMIT) than they do", cost: anything,
			fleet: fleet.Config{ReplicaEnv: []string{"GOMEMLIMIT=24MiB"}}, script: lasts(16 * minute),
		},
		{
			name: "certificate-ends", shows: "the certificates end in an hour", cost: anything,
			fleet: fleet.Config{TLS: true, CertLife: time.Hour}, script: lasts(5 * minute),
		},
		{
			name: "collector-away", shows: "nobody listens at the collector's address; all calls are traced", cost: anything,
			fleet: fleet.Config{MarketplaceEnv: collectorAway(), ReplicaEnv: collectorAway()}, script: lasts(20 * minute),
		},
	}
}

// collectorAway exports spans to where nobody listens, a batch each 200 ms.
func collectorAway() []string {
	return []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_TRACES_SAMPLER=always_on",
		"OTEL_BSP_SCHEDULE_DELAY=200", "OTEL_EXPORTER_OTLP_TIMEOUT=500",
	}
}

// lasts lets readers call for this long, in a fleet that is wrong from its start.
func lasts(length time.Duration) script {
	return func(ctx context.Context, s *scene) error {
		s.mark(event, "readers call")
		s.wait(ctx, length)
		return nil
	}
}

// faultsInAll injects faults into all replicas for this long.
func faultsInAll(faults string, length time.Duration) script {
	return func(ctx context.Context, s *scene) error {
		s.mark(event, "all: %s", faults)
		for _, r := range s.Replicas() {
			if err := fleet.Fault(ctx, r.Admin, faults); err != nil {
				return err
			}
		}
		s.wait(ctx, length)
		return nil
	}
}

func onePanic(ctx context.Context, s *scene) error {
	s.mark(event, "a call panics")
	if err := fleet.Fault(ctx, s.Replicas()[0].Admin, `{"panic":true,"calls":1}`); err != nil {
		return err
	}
	s.wait(ctx, 5*time.Second)
	return nil
}

func oneGetsAll(ctx context.Context, s *scene) error {
	s.mark(event, "one in DNS")
	s.Publish(s.Replicas()[0])
	s.wait(ctx, 28*time.Second)
	return nil
}

// oneCutOff has a third replica reach the database over a relay, and cuts that.
func oneCutOff(ctx context.Context, s *scene) error {
	var cut atomic.Bool
	way, err := s.AddRelay(func() []string {
		if cut.Load() {
			return nil
		}
		return []string{s.database.Host()}
	})
	if err != nil {
		return err
	}
	third, err := s.AddReplica("--store=" + strings.Replace(s.store, s.database.Host(), way.Addr(), 1))
	if err != nil {
		return err
	}
	s.Publish(s.Replicas()...)
	w := s.startWrites(ctx)
	defer w.stop()
	s.wait(ctx, 4*time.Second)
	s.mark(event, "%s is cut off", third.Name)
	cut.Store(true)
	way.Reset()
	if err := s.command(ctx, "train"); err != nil {
		return err
	}
	s.wait(ctx, 22*time.Second)
	return nil
}

// damagedModel makes a model active that is damaged in the store, as a fault of a disk may.
func damagedModel(ctx context.Context, s *scene) error {
	db, err := s.openFile()
	if err != nil {
		return err
	}
	defer db.Close()
	s.mark(event, "a damaged model is active")
	for _, statement := range []string{
		"INSERT INTO models (version, created_at, metadata, artefact) SELECT 'damaged', created_at, metadata, x'00' FROM models LIMIT 1",
		"INSERT INTO activations (version, at) SELECT 'damaged', at FROM activations LIMIT 1",
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	s.wait(ctx, 10*time.Second)
	return nil
}

func restarts(ctx context.Context, s *scene) error {
	first := s.Replicas()[0]
	for i := range 3 {
		if err := first.Kill(); err != nil {
			return err
		}
		again, err := s.RestartReplica(first)
		if err != nil {
			return err
		}
		if i == 2 {
			s.mark(event, "%s has crashed three times", s.Replicas()[0].Name)
		}
		first = again
		s.wait(ctx, 4*time.Second)
	}
	return nil
}
