package main

import (
	"os"
	"testing"
	"time"
)

func TestLinesForPeople(t *testing.T) {
	at := time.Date(2026, 11, 3, 12, 34, 56, 789e6, time.UTC)
	clock, stamp := at.Local().Format("15:04:05.000"), at.Format(time.RFC3339Nano)
	for _, tc := range []struct{ name, line, want string }{
		{
			"information",
			`{"level":"info","time":"` + stamp + `","msg":"call","service":"recommendations","instance":"replica-1","status":200,"path":"/","agent":"a b","empty":"","fields":{"a":[1]}}`,
			clock + ` call status=200 path=/ agent="a b" empty="" fields={"a":[1]}`,
		},
		{"a warning", `{"level":"warn","time":"` + stamp + `","msg":"store unreachable"}`, clock + " WARN store unreachable"},
		{"what a reader made up", `{"level":"info","time":"` + stamp + `","msg":"call","path":"\u001b[2J=","other":"` + "\u202e" + `"}`, clock + ` call path="\x1b[2J=" other="\u202e"`},
		{"not JSON", "panic: no", "panic: no"},
		{"other JSON", `{"a":1}`, `{"a":1}`},
		{"no time", `{"level":"info","time":"now","msg":"call"}`, `{"level":"info","time":"now","msg":"call"}`},
		{"broken", `{"level":"info","time":"` + stamp + `","msg":"call"`, `{"level":"info","time":"` + stamp + `","msg":"call"`},
		{"with more behind it", `{"level":"info","time":"` + stamp + `","msg":"call"} more`, `{"level":"info","time":"` + stamp + `","msg":"call"} more`},
		{"empty", "", ""},
	} {
		if got := string(style{readable: true}.show([]byte(tc.line))); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
		if got := string(style{}.show([]byte(tc.line))); got != tc.line {
			t.Errorf("%s, not on a terminal: %q, want it as it is", tc.name, got)
		}
	}
	line := []byte(`{"level":"error","time":"` + stamp + `","msg":"lost","n":1}`)
	if got, want := string(style{readable: true, colour: true}.show(line)), "\x1b[2m"+clock+"\x1b[0m \x1b[31mERROR lost\x1b[0m \x1b[2mn=\x1b[0m1"; got != want {
		t.Errorf("with colours: %q, want %q", got, want)
	}
}

// TestStyleOf opens a terminal, which /dev/ptmx is.
func TestStyleOf(t *testing.T) {
	if got := styleOf(new(console)); got != (style{}) {
		t.Errorf("of a buffer: %+v, want lines as they are", got)
	}
	pipe, other, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	defer other.Close()
	if got := styleOf(other); got != (style{}) {
		t.Errorf("of a pipe: %+v, want lines as they are", got)
	}
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	for _, tc := range []struct {
		noColor, term string
		want          style
	}{
		{"", "xterm", style{readable: true, colour: true}},
		{"1", "xterm", style{readable: true}},
		{"", "dumb", style{readable: true}},
	} {
		t.Setenv("NO_COLOR", tc.noColor)
		t.Setenv("TERM", tc.term)
		if got := styleOf(terminal); got != tc.want {
			t.Errorf("of a terminal with NO_COLOR=%s TERM=%s: %+v, want %+v", tc.noColor, tc.term, got, tc.want)
		}
	}
}
