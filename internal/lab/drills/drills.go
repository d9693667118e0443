package drills

import (
	"fmt"
	"time"

	"bookstall/internal/dnsserver"
	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/pgserver"
)

// all returns the drills in the order in which they run.
func all() []drill {
	// The switch needs time to see that a shop drains.
	shops := fleet.Config{Switched: true, MarketplaceArgs: []string{"--drain-delay=500ms"}}
	const (
		newcomer  = "; a new replica is in DNS meanwhile"
		meanwhile = "; a write every half second, and a new replica meanwhile"
		long      = 30 * time.Second // time in which DNS is useless
		short     = 10 * time.Second
	)
	return []drill{
		// What an operator does on purpose.
		{name: "steady", shows: "three replicas, nothing happens", script: steady},
		{name: "scale", shows: "2 replicas, then 10, then 2", fleet: fleet.Config{Replicas: 2}, script: scale},
		{name: "roll-recommendations", shows: "all replicas replaced, one after another", script: rollReplicas},
		{name: "roll-marketplace", shows: "both shops behind a switch replaced, one after another", fleet: shops, script: rollShops},
		{
			name: "connection-age", shows: "connections end after 1 s each",
			fleet: fleet.Config{ReplicaArgs: []string{"--max-connection-age=1s"}}, script: connectionAge,
		},
		{
			name: "certificates", shows: fmt.Sprintf("mutual TLS: certificates renewed %d times, then the CA rolled over; connections end after 1 s each", renewals),
			fleet: fleet.Config{TLS: true, ReplicaArgs: []string{"--max-connection-age=1s"}}, script: certificates,
		},

		// Processes that end without warning.
		{name: "kill-one", shows: "kill -9 of one of three replicas", cost: unplanned, script: kill(1)},
		{name: "kill-two", shows: "kill -9 of two of three replicas", cost: unplanned, script: kill(2)},
		{name: "all-gone", shows: "kill -9 of all replicas, three new ones 20 s later", cost: without, script: allGone},
		{
			name: "kill-marketplace", shows: "kill -9 of one of two shops behind a switch", cost: shopLost,
			fleet: fleet.Config{Switched: true}, script: killShop,
		},

		// Replicas that run and do not do what they should.
		{name: "sigstop", shows: "SIGSTOP of one of three replicas for 10 s", cost: unplanned, script: sigstop},
		{name: "hang-1", shows: "one of three replicas hangs behind good health for 8 s, 1 call a second", cost: counted, rate: 1, script: hangs(15 * time.Second)},
		{name: "hang-10", shows: "one of three replicas hangs behind good health for 8 s, 10 calls a second", cost: counted, rate: 10, script: hangs(2 * time.Second)},
		{name: "hang-80", shows: "one of three replicas hangs behind good health for 8 s", cost: unplanned, script: hangs(time.Second)},
		{name: "one-slow-call", shows: "one call to a healthy replica hangs", cost: unplanned, script: oneSlowCall},
		{name: "errors", shows: "one of three replicas fails every call with INTERNAL for 8 s", cost: unplanned, script: injectFaults(`{"error_share":1,"code":"INTERNAL"}`)},
		{name: "slow", shows: "one of three replicas takes 150ms more for each call, about 50 times a page, for 8 s", cost: unplanned, script: injectFaults(`{"delay":"150ms"}`)},
		{name: "slow-all", shows: "all replicas take 150ms more for each call for 8 s", script: allSick(`{"delay":"150ms"}`, false)},
		{name: "timeout-all", shows: "all replicas take 400ms more for each call for 8 s, longer than a page waits", cost: without, script: allSick(`{"delay":"400ms"}`, true)},
		{
			name: "cold-replica", rate: coldRate, script: coldReplica,
			shows: fmt.Sprintf("a fourth replica is added, which takes %v for each call in its first %v and then %v as the others", coldTime, coldFor, warmTime),
			fleet: fleet.Config{MarketplaceArgs: []string{"--recommendations-timeout=1s"}}, // beyond what it takes
		},
		{name: "not-serving", shows: "one of three replicas reports NOT_SERVING for 8 s", script: injectFaults(`{"not_serving":true}`)},

		// What DNS may answer.
		{name: "dns-nxdomain", shows: "DNS answers NXDOMAIN for 30 s" + newcomer, script: useless(dnsserver.NXDomain, long, firstWithin)},
		{name: "dns-servfail", shows: "DNS answers SERVFAIL for 30 s" + newcomer, script: useless(dnsserver.ServFail, long, firstWithin)},
		{
			name: "dns-timeout", script: useless(dnsserver.Dropped, long, firstWithin+lookup),
			shows: "DNS does not answer for 30 s" + newcomer + " (its first call may come 2 s later, as a lookup in flight times out first)",
		},
		{name: "dns-empty", shows: "DNS answers without an address for 10 s" + newcomer, script: useless(dnsserver.Empty, short, firstWithin)},
		{name: "dns-shuffled", shows: "a new order in every answer of DNS", script: shuffled},
		{name: "dns-stale", shows: "a fourth address in DNS where nobody listens, for 10 s", script: stale},
		{name: "dns-stranger", shows: "a fourth address in DNS where another gRPC server answers, for 10 s", script: stranger},

		// The network between the shop and its replicas.
		{name: "reset", shows: "connections reset while calls are in flight, ten times in 5 s", cost: unplanned, script: reset},
		{name: "latency-100ms", shows: "100 ms more from the shop to its replicas and back", script: delayed(100*time.Millisecond, 10*time.Second)},
		{name: "latency-1s", shows: "1 s more from the shop to its replicas and back, for 8 s", cost: without, script: delayed(time.Second, 8*time.Second)},

		// More calls than the shop can answer.
		{
			name: "overload", cost: overload, rate: quietRate, script: surge,
			shows: fmt.Sprintf("ten times the calls for 10 s that the replicas can answer, which is %.0f a second", capacity),
			fleet: fleet.Config{ReplicaArgs: []string{fmt.Sprintf("--max-calls=%d", slots)}},
		},

		// A network that drops every packet silently.
		{
			name: "black-hole", shows: "all packets to and from one of three replicas are dropped, without RST or ICMP, for 10 s (its own network namespace)",
			cost: unplanned, fleet: fleet.Config{Replicas: 2}, needs: fleet.CheckNamespaces, script: blackHole,
		},

		// The store that the replicas share.
		{
			name: "database-locked", shows: "another process locks the database (SQLite) for 15 s; a write every half second", store: inFile,
			script: outageOf(15*time.Second, "the database is locked", lock),
		},
		{name: "new-model", shows: "recommendations train, on the replicas' store", store: inFile, script: newModel},
		{name: "new-catalogue", shows: "recommendations import, of a catalogue with one book more", store: inFile, script: newCatalogue},
		{
			name: "database-gone", shows: "PostgreSQL is stopped as by a crash, for 30 s" + meanwhile, store: inServer, needs: pgserver.Check,
			script: outageOf(30*time.Second, "PostgreSQL is stopped", killDatabase),
		},
		{
			name: "database-hangs", shows: "PostgreSQL hangs (SIGSTOP) for 15 s" + meanwhile, store: inServer, needs: pgserver.Check,
			script: outageOf(15*time.Second, "PostgreSQL is hanging", pauseDatabase),
		},
	}
}
