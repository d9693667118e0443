package main

import (
	"bytes"
	"flag"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden file anew")

// TestHelp compares the help of the program and its commands with testdata/help.txt.
func TestHelp(t *testing.T) {
	var got bytes.Buffer
	for _, args := range [][]string{{"--help"}, {"drills", "--help"}, {"soak", "--help"}, {"attack", "--help"}, {"policies", "--help"}, {"bench", "--help"}} {
		if err := run(t.Context(), args, &got, io.Discard); err != nil {
			t.Fatalf("run(%q): %v", args, err)
		}
		got.WriteString("\n")
	}
	const golden = "testdata/help.txt"
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("the help changed; make golden accepts it (-want +got):\n%s", diff)
	}
}

func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), []string{"drills", "--list", "--run=scale,steady"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); len(lines) != 2 || !strings.HasPrefix(lines[0], "steady ") || !strings.HasPrefix(lines[1], "scale ") {
		t.Errorf("drills --list --run=scale,steady printed\n%s\nwant a line for steady, then one for scale", out.String())
	}
	for want, args := range map[string][]string{
		"expected one of":     {},
		"unexpected argument": {"soak", "more"},
		"unknown flag":        {"bench", "--colour=red"},
		`no drill "nothing"`:  {"drills", "--run=nothing"},
		"--calls is 999":      {"soak", "--calls=999", "--workers=0"},
		"--workers is 0":      {"soak", "--calls=999", "--workers=0"},
	} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("run(%q) = %v, want an error with %q", args, err, want)
		}
	}
}
