package command_test

import (
	"context"
	"flag"
	"io"
	"testing"

	"go.uber.org/goleak"

	"bookstall/internal/config"
	"bookstall/recommendations/internal/command"
)

var update = flag.Bool("update", false, "write golden files")

func TestMain(m *testing.M) {
	flag.Parse()
	goleak.VerifyTestMain(m)
}

// run runs a command as the program does.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	program := config.Program{Name: "recommendations", EnvPrefix: "RECOMMENDATIONS", Serve: "serve"}
	return config.Run(ctx, program, &command.Commands{}, args, config.Streams{Out: stdout, Err: stderr})
}
