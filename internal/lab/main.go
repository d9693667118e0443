// Command lab runs experiments with the built programs: drills break things under
// load, a soak looks for growth, attack does what a stranger could, policies measures
// package balance on replicas of unequal speed, and a benchmark measures the figures of
// docs/performance.md.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"bookstall/internal/config"
	"bookstall/internal/lab/alerts"
	"bookstall/internal/lab/attack"
	"bookstall/internal/lab/bench"
	"bookstall/internal/lab/drills"
	"bookstall/internal/lab/policies"
	"bookstall/internal/lab/soak"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

// commands are the program's commands.
type commands struct {
	Drills   drills.Command   `cmd:"" help:"Put the shop through rollouts, losses and bad networks under load, and report for each what readers saw and whether that is within its limits; about 14 minutes for all."`
	Soak     soak.Command     `cmd:"" help:"Make a million calls while replicas come and go, and report whether goroutines, files or heap grow; about 14 minutes."`
	Alerts   alerts.Command   `cmd:"" help:"Run drills and incidents beside a real Prometheus with the chart's rules, and report which alerts fire; about 12 minutes."`
	Attack   attack.Command   `cmd:"" help:"Attack the shop and a replica as a stranger could, and report for each attack the memory it took, what a reader beside noticed, and how soon all was given back; about 3 minutes."`
	Assail   attack.Assail    `cmd:"" hidden:"" help:"The attacker's process, which attack starts."`
	Policies policies.Command `cmd:"" help:"Measure the policies of package balance on replicas of unequal speed, and what a new replica that is slow at first costs; about 70 seconds."`
	Bench    bench.Command    `cmd:"" help:"Measure the programs built by 'make build' and print the figures of docs/performance.md; about 10 minutes."`

	Contender bench.Contender `cmd:"" hidden:"" help:"A process that bench compares with the programs, which bench starts."`
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	return config.Run(ctx, config.Program{
		Name:        "lab",
		Description: "Experiments with Bookstall: runs the built programs on this machine and measures them.",
	}, &commands{}, args, config.Streams{Out: stdout, Err: stderr})
}
