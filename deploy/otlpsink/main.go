// Command otlpsink receives traces by OTLP over gRPC and prints each span as a line of
// JSON. Tests on a cluster run it in a pod and read its log. It must not be exposed:
// it has no authentication.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"bookstall/internal/otlpsink"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "otlpsink:", err)
		os.Exit(1)
	}
}

// run receives traces until ctx is done.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("otlpsink", flag.ContinueOnError)
	flags.SetOutput(stderr)
	address := flags.String("address", ":4317", "`HOST:PORT` to listen on")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	var printed error // the first error
	lines := json.NewEncoder(stdout)
	sink, err := otlpsink.Listen(*address, func(span otlpsink.Span) {
		if err := lines.Encode(span); printed == nil {
			printed = err
		}
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(stderr, "listening on", sink.Endpoint())
	<-ctx.Done()
	err = sink.Close()
	return errors.Join(err, printed)
}
