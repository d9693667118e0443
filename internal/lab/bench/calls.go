package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"bookstall/internal/lab/fleet"
)

const (
	raw     = "grpc-go alone"
	replica = "replica"
	quiet   = "replica without access log"
)

// atATime are the numbers of calls at a time.
func atATime() []int { return []int{1, 8, aimed, openCallers} }

const aimed = 64 // calls at a time, for which there are aims

// measureCalls compares a replica, as it runs without flags, with grpc-go alone that answers
// with the same bytes.
func (b *bench) measureCalls(ctx context.Context) (s section, err error) {
	s = newSection("calls", "Recommend, 10 books, beside grpc-go alone with the same answers")
	r, err := b.newRig()
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	ours, address, err := r.replica(nil, nil)
	if err != nil {
		return s, err
	}
	bare, bareAddress, err := r.contender(bareGRPC, []string{"--ask=" + address}, nil)
	if err != nil {
		return s, err
	}
	contenders := []contender{{name: raw, processes: []*fleet.Process{bare}}, {name: replica, processes: []*fleet.Process{ours}}}
	for i, at := range []string{bareAddress, address} {
		if contenders[i].call, err = r.askGRPC(at); err != nil {
			return s, err
		}
	}
	if err := s.closedAndOpen(ctx, b.turns, contenders); err != nil {
		return s, err
	}
	busy := find(s.Rows, replica, aimed)
	s.claimRatios(busy, "Recommend, 64 at a time", 0.75, 1.6)
	s.add("Recommend, 64 at a time: p99, of "+raw, times(busy.P99Ratio), "≤ 1.30 ×", busy.P99Ratio <= 1.3)
	return s, nil
}

// closedAndOpen drives the contenders with each number of calls at a time, then offers them a
// quarter and a half of what the slowest of them did with 64.
func (s *section) closedAndOpen(ctx context.Context, t turns, contenders []contender) error {
	var slowest float64
	for _, n := range atATime() {
		rows, err := t.closed(ctx, n, contenders)
		if err != nil {
			return err
		}
		s.Rows = append(s.Rows, rows...)
		if n == aimed {
			slowest = slices.MinFunc(rows, func(a, b row) int { return int(a.Rate - b.Rate) }).Rate
		}
	}
	for _, share := range []float64{0.25, 0.5} {
		rows, err := t.open(ctx, max(1, share*slowest), contenders)
		if err != nil {
			return err
		}
		s.Rows = append(s.Rows, rows...)
	}
	return nil
}

// claimRatios adds what a row must be beside its limit.
func (s *section) claimRatios(r row, what string, leastCalls, mostCPU float64) {
	s.add(what+": calls a second, of "+r.Limit, times(r.RateRatio), fmt.Sprintf("≥ %.2f ×", leastCalls), r.RateRatio >= leastCalls)
	s.add(what+": CPU a call, of "+r.Limit, times(r.CPURatio), fmt.Sprintf("≤ %.2f ×", mostCPU), r.CPURatio <= mostCPU)
}

// measureTelemetry takes the layers of telemetry away one at a time. Those that no setting of
// the program takes away are taken from its server alone, with the answers of the replica.
func (b *bench) measureTelemetry(ctx context.Context) (s section, err error) {
	s = newSection("telemetry", "what telemetry costs, 64 calls of Recommend at a time")
	r, err := b.newRig()
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	_, sink, err := r.contender(collector, nil, nil)
	if err != nil {
		return s, err
	}
	sampled := func(share string) []string {
		return []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + sink, "OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=" + share}
	}
	var contenders []contender
	var first string // address of the first replica, whose answers the servers give
	add := func(name, limit, kind string, args, env []string) error {
		var p *fleet.Process
		var address string
		var err error
		switch kind {
		case replica:
			p, address, err = r.replica(args, env)
		case quiet:
			p, address, err = r.quietReplica()
		default:
			p, address, err = r.contender(kind, append(args, "--ask="+first), env)
		}
		if err != nil {
			return err
		}
		if first == "" {
			first = address
		}
		call, err := r.askGRPC(address)
		contenders = append(contenders, contender{name: name, limit: limit, processes: []*fleet.Process{p}, call: call})
		return err
	}
	const (
		whole  = "replica, traces on, none sampled"
		server = "server alone, traces on, none sampled"
		all    = "server alone, 100 % sampled"
	)
	for _, c := range []struct {
		name, limit, kind string
		args, env         []string
	}{
		{whole, whole, replica, nil, sampled("0")},
		{"replica, traces off (as without settings)", whole, replica, nil, nil},
		{"replica, traces off, no access log", whole, quiet, nil, nil},
		{"replica, 1 % sampled", whole, replica, nil, sampled("0.01")},
		{"replica, 100 % sampled", whole, replica, nil, sampled("1")},
		{server, server, ourServer, nil, sampled("0")},
		{"server alone, traces off", server, ourServer, nil, nil},
		{"server alone, no access log", server, ourServer, []string{"--without=" + accessLog}, sampled("0")},
		{"server alone, no metrics of calls", server, ourServer, []string{"--without=" + metrics}, sampled("0")},
		{"server alone, none of these", server, ourServer, []string{"--without=" + metrics + "," + accessLog}, nil},
		{all, all, ourServer, nil, sampled("1")},
		{"server alone, 100 % sampled, no metrics of calls", all, ourServer, []string{"--without=" + metrics}, sampled("1")},
	} {
		if err := add(c.name, c.limit, c.kind, c.args, c.env); err != nil {
			return s, err
		}
	}
	if s.Rows, err = b.turns.closed(ctx, aimed, contenders); err != nil {
		return s, err
	}
	// What a layer costs is a share of the CPU time of a whole call, round by round.
	for _, layer := range []struct {
		name          string
		with, without int     // rows
		most          float64 // %; 0 if there is no aim
	}{
		{"traces of which none is sampled", 5, 6, 0},
		{"the access log", 5, 7, 0},
		{"the metrics of calls", 5, 8, 0},
		{"all of these together", 5, 9, 10},
		{"the metrics of calls with exemplars, when all is sampled", 10, 11, 0},
	} {
		var shares []float64
		for round, call := range s.Rows[0].cpu {
			shares = append(shares, 100*quotient(s.Rows[layer.with].cpu[round]-s.Rows[layer.without].cpu[round], call))
		}
		share, aim := median(shares), ""
		if layer.most > 0 {
			aim = fmt.Sprintf("≤ %.0f %%", layer.most)
		}
		s.add(layer.name+", of the CPU time of a call of a replica", fmt.Sprintf("%+.1f %%", share), aim, share <= layer.most)
	}
	return s, nil
}
