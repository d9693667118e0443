package main

import (
	"io"
	"regexp"
	"strings"
	"testing"

	"bookstall/internal/test/programtest"
)

// What does not depend on the speed of the machine: every kind answers, and makes
// the connections that it is there for.
func TestTables(t *testing.T) {
	bin := programtest.Build(t)
	var out strings.Builder
	if err := run(t.Context(), []string{"-bin", bin, "-requests", "100", "-rounds", "1"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	row := func(text string) int {
		return len(regexp.MustCompile(`(?m)^\| `+text+` \|$`).FindAllString(out.String(), -1))
	}
	// Each in two tables, at 8 and at 100 at a time; with the measurement that warms up.
	if row(`gRPC \| [^|]+ \| [^|]+ \| [^|]+ \| 3 \| 0`) != 4 ||
		row(`REST, keep-alive \| [^|]+ \| [^|]+ \| [^|]+ \| \d{1,3} \| 0`) != 4 ||
		row(`REST, a connection a request \| [^|]+ \| [^|]+ \| [^|]+ \| 200 \| 0`) != 4 {
		t.Errorf("got\n%s", out.String())
	}
}

func TestRefusedFlags(t *testing.T) {
	for _, args := range [][]string{{"-requests", "1"}, {"-rounds", "0"}, {"-bin", t.TempDir()}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%v is taken", args)
		}
	}
}
