// Command recommendations recommends books over gRPC. Any number of equal replicas
// can run.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"bookstall/internal/config"
	"bookstall/internal/telemetry"
	"bookstall/recommendations/internal/command"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills the program
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "recommendations:", err)
		os.Exit(1)
	}
}

// commands are the program's commands, for Kong.
type commands struct {
	Serve settings `cmd:"" default:"withargs" help:"Serve gRPC. This is the default command."`

	command.Commands `embed:""`
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	return config.Run(ctx, config.Program{
		Name:        "recommendations",
		Description: "Recommends books over gRPC. Part of Bookstall.",
		EnvPrefix:   "RECOMMENDATIONS",
		Version:     telemetry.BuildInfo().String(),
		Serve:       "serve",
	}, &commands{}, args, config.Streams{Out: stdout, Err: stderr})
}
