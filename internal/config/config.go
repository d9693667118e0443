// Package config reads a program's settings into a struct with kong tags: a flag overrides
// its environment variable, which overrides the default. An unknown variable with the
// program's prefix is an error, so that a mistyped name does not leave a default in place.
package config

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// ErrHelp means that help or the version was asked for and has been printed, so that the
// program has nothing else to do.
var ErrHelp = errors.New("help was printed")

// Program describes a program.
type Program struct {
	Name        string
	Description string
	EnvPrefix   string // without the trailing underscore
	// Serve is the command that refuses unknown variables; "" if the program has no
	// commands. Other commands run in the same environment and ignore variables that
	// they do not use.
	Serve string
}

// Streams are where a command writes: its result to Out, its log to Err.
type Streams struct{ Out, Err io.Writer }

// Run fills commands, a pointer to a struct with kong tags, from args (without the
// program's name) and the environment, and calls the Run method of the command given.
// That method may take a context.Context and Streams. Help and version are printed to
// Out, without a command being run. The error of unknown variables names them all.
func Run(ctx context.Context, p Program, commands any, args []string, to Streams) error {
	command, err := load(p, commands, args, to.Out, to.Err)
	if errors.Is(err, ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	command.BindTo(ctx, (*context.Context)(nil))
	return command.Run(to)
}

// Parse fills cfg, a pointer to a struct with kong tags, from args (without the
// program's name) and the environment, and returns the command, "" if the program has
// none. Help goes to stdout, and the error is then ErrHelp. Otherwise the error names all
// unknown variables.
func Parse(p Program, cfg any, args []string, stdout, stderr io.Writer) (command string, err error) {
	parsed, err := load(p, cfg, args, stdout, stderr)
	if parsed != nil {
		command = parsed.Command()
	}
	return command, err
}

func load(p Program, cfg any, args []string, stdout, stderr io.Writer) (*kong.Context, error) {
	exited := false
	parser, err := kong.New(cfg,
		kong.Name(p.Name),
		kong.Description(p.Description),
		kong.DefaultEnvars(p.EnvPrefix),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { exited = true }),
		kong.ConfigureHelp(kong.HelpOptions{WrapUpperBound: 100}),
	)
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	parsed, err := parser.Parse(args)
	// With Exit replaced, kong prints the help and keeps parsing: ignore its errors then.
	if exited {
		return parsed, ErrHelp
	}
	if err == nil && parsed.Command() != p.Serve {
		return parsed, nil
	}
	return parsed, errors.Join(err, unknownVariables(p.EnvPrefix, parser.Model, os.Environ()))
}

func unknownVariables(prefix string, model *kong.Application, environ []string) error {
	var known []string
	_ = kong.Visit(model, func(node kong.Visitable, next kong.Next) error { // no visit fails
		if f, ok := node.(*kong.Flag); ok {
			known = append(known, f.Envs...)
		}
		return next(nil)
	})
	slices.Sort(known)
	known = slices.Compact(known)
	var errs []error
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, prefix+"_") || slices.Contains(known, name) {
			continue
		}
		hint := ""
		if strings.HasSuffix(name, "_SERVICE_HOST") || strings.HasPrefix(value, "tcp://") {
			hint = " (Kubernetes made it; set enableServiceLinks: false on the pod)"
		}
		errs = append(errs, fmt.Errorf("unknown variable %s%s; known are %s", name, hint, strings.Join(known, ", ")))
	}
	return errors.Join(errs...)
}
