package config

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type settings struct {
	Address string        `help:"Where to listen." default:":8080"`
	Timeout time.Duration `help:"How long to wait." default:"1s"`
}

var program = Program{Name: "shop", Description: "A shop.", EnvPrefix: "SHOPTEST", Version: "1.2.3"}

func parse(t *testing.T, args ...string) (settings, string, error) {
	t.Helper()
	var cfg settings
	var out strings.Builder
	err := Run(t.Context(), program, &cfg, args, Streams{&out, &out})
	return cfg, out.String(), err
}

// Run does nothing: these settings are a program without commands.
func (settings) Run() error { return nil }

func TestFlagBeatsEnvironmentBeatsDefault(t *testing.T) {
	cfg, _, err := parse(t)
	if err != nil || cfg.Address != ":8080" || cfg.Timeout != time.Second {
		t.Errorf("defaults: %+v, %v", cfg, err)
	}
	t.Setenv("SHOPTEST_ADDRESS", ":1")
	t.Setenv("SHOPTEST_TIMEOUT", "2s")
	cfg, _, err = parse(t, "--address=:2")
	if err != nil || cfg.Address != ":2" || cfg.Timeout != 2*time.Second {
		t.Errorf("flag and environment: %+v, %v", cfg, err)
	}
}

// A Secret made from a file has a line break at its end.
func TestWhiteSpaceAroundValuesIsDropped(t *testing.T) {
	t.Setenv("SHOPTEST_ADDRESS", " \t:1\r\n")
	if cfg, _, err := parse(t); err != nil || cfg.Address != ":1" {
		t.Errorf("%+v, %v", cfg, err)
	}
	file := filepath.Join(t.TempDir(), "secret")
	for _, test := range []struct{ content, want string }{{" a b\n\n", "a b"}, {"\n", ""}, {"\uFEFFa b\r\n", "a b"}} {
		if err := os.WriteFile(file, []byte(test.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := FromFile("--secret-file", file); got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%q: %q, %v", test.content, got, err)
		}
	}
	if _, err := FromFile("--secret-file", file+"x"); err == nil || !strings.Contains(err.Error(), "--secret-file") {
		t.Errorf("no file: %v", err)
	}
}

func TestUnknownVariablesAreNamedAllAtOnce(t *testing.T) {
	t.Setenv("SHOPTEST_ADRESS", ":1")
	t.Setenv("SHOPTEST_PORT", "tcp://10.0.0.1:80")
	_, _, err := parse(t)
	for _, want := range []string{"SHOPTEST_ADRESS", "SHOPTEST_PORT", "enableServiceLinks", "SHOPTEST_ADDRESS"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not name %s", err, want)
		}
	}
}

func TestBadValueNamesTheFlag(t *testing.T) {
	if _, _, err := parse(t, "--timeout=soon"); err == nil || !strings.Contains(err.Error(), "--timeout") {
		t.Errorf("got %v, want an error that names --timeout", err)
	}
	if _, _, err := parse(t, "--colour=red"); err == nil || !strings.Contains(err.Error(), "--colour") {
		t.Errorf("got %v, want an error that names --colour", err)
	}
}

func TestHelpIsPrintedAndNothingRuns(t *testing.T) {
	_, out, err := parse(t, "--help")
	if err != nil || !strings.Contains(out, "SHOPTEST_TIMEOUT") {
		t.Errorf("got %v and:\n%s", err, out)
	}
}

func TestVersionIsPrintedAndNothingRuns(t *testing.T) {
	for _, args := range [][]string{{"--version"}, {"look", "--version"}} {
		var commands struct {
			Look look `cmd:""`
		}
		var out strings.Builder
		if err := Run(t.Context(), program, &commands, args, Streams{&out, &out}); err != nil || out.String() != "shop 1.2.3\n" {
			t.Errorf("%q: %v, %q", args, err, out.String())
		}
	}
}

func TestOnlyTheServingCommandRefusesUnknownVariables(t *testing.T) {
	t.Setenv("SHOPTEST_ADRESS", ":1")
	t.Setenv("SHOPTEST_TIMEOUT", "soon") // invalid, but look has no such setting
	serving := program
	serving.Serve = "serve"
	for command, want := range map[string]string{"serve": "SHOPTEST_ADRESS", "look": errLook.Error()} {
		var commands struct {
			Serve settings `cmd:"" default:"withargs"`
			Look  look     `cmd:""`
		}
		var out strings.Builder
		err := Run(t.Context(), serving, &commands, []string{command}, Streams{&out, &out})
		if err == nil || !strings.Contains(err.Error(), want) || command == "look" && !errors.Is(err, errLook) {
			t.Errorf("%s: %v, want %s", command, err, want)
		}
	}
}

func TestAMistypedCommandNamesTheNearOne(t *testing.T) {
	serving := program
	serving.Serve = "serve"
	for arg, want := range map[string]string{
		"lok":   `unexpected argument lok, did you mean "look"?`,
		"srve":  `unexpected argument srve, did you mean "serve"?`,
		"other": "unexpected argument other",
	} {
		var commands struct {
			Serve settings `cmd:"" default:"withargs"`
			Look  look     `cmd:""`
		}
		err := Run(t.Context(), serving, &commands, []string{arg, "--timeout=2s"}, Streams{io.Discard, io.Discard})
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", arg, err, want)
		}
	}
}

// look is a command that reports its context and its argument.
type look struct {
	Place string `arg:"" env:"-" default:"here"`
}

type testKey struct{}

func (l *look) Run(ctx context.Context, to Streams) error {
	_, err := fmt.Fprintf(to.Out, "%v %s", ctx.Value(testKey{}), l.Place)
	return errors.Join(err, errLook)
}

var errLook = errors.New("nothing there")

func TestRunCallsTheCommand(t *testing.T) {
	var commands struct {
		Serve settings `cmd:""`
		Look  look     `cmd:""`
	}
	var out strings.Builder
	ctx := context.WithValue(t.Context(), testKey{}, "here:")
	err := Run(ctx, program, &commands, []string{"look", "shelf"}, Streams{&out, &out})
	if !errors.Is(err, errLook) || out.String() != "here: shelf" {
		t.Errorf("%v, %q", err, out.String())
	}
	if err := Run(ctx, program, &commands, []string{"look", "--help"}, Streams{&out, &out}); err != nil || !strings.Contains(out.String(), "Usage: shop look [<place>]") {
		t.Errorf("help: %v, %q", err, out.String())
	}
}

func TestTheProcessIDInAName(t *testing.T) {
	for name, want := range map[string]string{"shop-1": "shop-1", "shop-1 (pid {pid})": fmt.Sprintf("shop-1 (pid %d)", os.Getpid())} {
		if got, err := NameOr(name); got != want || err != nil {
			t.Errorf("NameOr(%q) = %q, %v; want %q", name, got, err, want)
		}
	}
}
