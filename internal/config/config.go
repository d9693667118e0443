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
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Program describes a program.
type Program struct {
	Name        string
	Description string
	EnvPrefix   string // without the trailing underscore; "" for a program without variables
	Version     string // what --version prints after the name; "" for a program without it
	// Serve is the command that refuses unknown variables; "" if the program has no
	// commands. Other commands run in the same environment and ignore variables that
	// they do not use.
	Serve string
}

// Streams are where a command writes: its result to Out, its log to Err.
type Streams struct{ Out, Err io.Writer }

// Run fills commands, a pointer to a struct with kong tags, from args (without the
// program's name) and the environment, and calls the Run method of the selected command.
// That method may take a context.Context, Streams, an io.Writer, which is Out, and
// commands. If help or the version is asked for, Run prints it to Out and returns nil. An
// error names all unknown variables.
func Run(ctx context.Context, p Program, commands any, args []string, to Streams) error {
	exited := false
	options := []kong.Option{
		kong.Name(p.Name),
		kong.Description(p.Description),
		kong.KindMapper(reflect.String, kong.MapperFunc(trimmed)),
		kong.Writers(to.Out, to.Err),
		kong.Exit(func(int) { exited = true }),
		kong.ConfigureHelp(kong.HelpOptions{WrapUpperBound: 100}),
	}
	if p.Version != "" {
		var version struct {
			Version kong.VersionFlag `help:"Print what the program was built from." env:"-"`
		}
		options = append(options, kong.Embed(&version), kong.Vars{"version": p.Name + " " + p.Version})
	}
	if p.EnvPrefix != "" {
		options = append(options, kong.DefaultEnvars(p.EnvPrefix))
	}
	parser, err := kong.New(commands, options...)
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	command, err := parser.Parse(args)
	// With Exit replaced, kong prints the help and keeps parsing: ignore its errors then.
	if exited {
		return nil
	}
	if err != nil && parser.Model.DefaultCmd != nil && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		// It may be a mistyped command, which kong took for an argument of the default one:
		// without that, its error names the near ones.
		parser.Model.DefaultCmd = nil
		if _, again := parser.Parse(args); again != nil {
			err = again
		}
	}
	if p.EnvPrefix != "" && (err != nil || command.Command() == p.Serve) {
		err = errors.Join(err, unknownVariables(p.EnvPrefix, parser.Model, os.Environ()))
	}
	if err != nil {
		return err
	}
	command.BindTo(ctx, (*context.Context)(nil))
	command.BindTo(to.Out, (*io.Writer)(nil))
	return command.Run(to, commands)
}

// trimmed reads a text without the white space around it: a Secret made from a file often
// has a line break at its end.
func trimmed(ctx *kong.DecodeContext, target reflect.Value) error {
	var text string
	if err := ctx.Scan.PopValueInto("string", &text); err != nil {
		return err
	}
	target.SetString(trim(text))
	return nil
}

// trim returns a text without the white space around it, and without the byte order mark that
// editors put in front of a file.
func trim(text string) string { return strings.TrimSpace(strings.TrimPrefix(text, "\uFEFF")) }

// FromFile returns the content of a file without the white space around it, and without a byte
// order mark. Errors name the
// flag.
func FromFile(flag, file string) (string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	text := trim(string(content))
	if text == "" {
		return "", fmt.Errorf("%s: %s is empty", flag, file)
	}
	return text, nil
}

// Rereading returns a function that does FromFile again, nil without a file.
func Rereading(flag, file string) func() (string, error) {
	if file == "" {
		return nil
	}
	return func() (string, error) { return FromFile(flag, file) }
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
