// Command marketplace is the web shop: it lists, searches and shows books, and
// asks recommendations which ones a reader may like.
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
)

// serviceName is the name of the program in telemetry, help and errors.
const serviceName = "marketplace"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills the program
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, serviceName+":", err)
		os.Exit(1)
	}
}

// commands are the program's commands, for Kong.
type commands struct {
	Serve       settings    `cmd:"" default:"withargs" help:"Serve the shop. This is the default command."`
	Healthcheck healthcheck `cmd:"" help:"Check whether a shop on this host is ready. The exit status is 0 if it is, else 1."`
	Token       token       `cmd:"" help:"Make a token for the JSON API. Prints the token, and the line for the file of --api-tokens-file, which has only its hash."`
	Check       check       `cmd:"" help:"Check a shop's front page and recommendations, and that calls are spread evenly over the replicas. The exit status is 0 on success, else 1."`
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	return config.Run(ctx, config.Program{
		Name:        serviceName,
		Description: "A web shop that recommends books. Part of Bookstall.",
		EnvPrefix:   "MARKETPLACE",
		Version:     telemetry.BuildInfo().String(),
		Serve:       "serve",
	}, &commands{}, args, config.Streams{Out: stdout, Err: stderr})
}
