package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLinesAreWholeAndAligned(t *testing.T) {
	var c console
	out := newOutput(&c, []string{ownName, "marketplace", "replica-1"}, style{}, func() {})
	w := out.lineWriter("replica-1")
	for _, p := range []string{"one\ntw", "o\r\n", "", "\nthree"} {
		write(t, w, p)
	}
	w.flush()
	w.flush() // writes nothing
	out.say("a\nb")
	out.put("marketplace", []byte("open"))
	out.close()
	want := []string{
		"replica-1   | one",
		"replica-1   | two",
		"replica-1   | ",
		"replica-1   | three",
		"bookstall   | a",
		"bookstall   | b",
		"marketplace | open",
	}
	if d := cmp.Diff(want, c.lines()); d != "" {
		t.Errorf("output (-want +got):\n%s", d)
	}
}

func write(t *testing.T, w io.Writer, s string) {
	t.Helper()
	if n, err := io.WriteString(w, s); n != len(s) || err != nil {
		t.Errorf("write = %d, %v; want %d", n, err, len(s))
	}
}

func TestColours(t *testing.T) {
	got := prefixes([]string{ownName, "a"}, style{colour: true})
	want := map[string]string{ownName: "\x1b[35mbookstall |\x1b[0m ", "a": "\x1b[36ma         |\x1b[0m "}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("prefixes (-want +got):\n%s", d)
	}
}

func TestLongLines(t *testing.T) {
	for _, tc := range []struct {
		length int
		pieces []int
	}{
		{100_000, []int{100_000}},
		{longestLine, []int{longestLine}},
		{longestLine + 1, []int{longestLine, 1}},
		{2*longestLine + 5, []int{longestLine, longestLine, 5}},
	} {
		var c console
		out := newOutput(&c, []string{ownName, "x"}, style{}, func() {})
		w := out.lineWriter("x")
		text := strings.Repeat("y", tc.length) + "\nnext\n"
		for len(text) > 0 { // in pieces, as a pipe delivers it
			n := min(len(text), 32<<10)
			write(t, w, text[:n])
			text = text[n:]
		}
		out.close()
		var got []int
		lines := c.lines()
		for _, line := range lines[:len(lines)-1] {
			got = append(got, len(line)-len("x         | "))
		}
		if d := cmp.Diff(tc.pieces, got); d != "" || lines[len(lines)-1] != "x         | next" {
			t.Errorf("line of %d, pieces (-want +got):\n%s", tc.length, d)
		}
	}
}

func TestManyWritersDoNotMix(t *testing.T) {
	const writers, each = 8, 200
	var c console
	names := []string{ownName}
	for i := range writers {
		names = append(names, fmt.Sprint("w", i))
	}
	out := newOutput(&c, names, style{}, func() {})
	var wg sync.WaitGroup
	for _, name := range names[1:] {
		wg.Go(func() {
			w := out.lineWriter(name)
			for range each {
				write(t, w, name+" begins, ")
				write(t, w, name+" ends\n")
			}
		})
	}
	wg.Wait()
	out.close()
	count := 0
	for _, line := range c.lines() {
		name, rest, _ := strings.Cut(line, " ")
		if want := fmt.Sprintf("       | %s begins, %s ends", name, name); rest != want {
			t.Fatalf("mixed line %q, want %q", rest, want)
		}
		count++
	}
	if count != writers*each {
		t.Errorf("%d lines, want %d", count, writers*each)
	}
}

// stuck is an output whose reader does not read until the channel is closed.
type stuck chan struct{}

func (s stuck) Write(p []byte) (int, error) {
	<-s
	return len(p), nil
}

func TestClosingDoesNotWaitForAStuckReader(t *testing.T) {
	reader := make(stuck)
	out := newOutput(reader, []string{ownName}, style{}, func() {})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 10 * queueLength {
			out.say("is there anybody")
		}
	}()
	out.closing()
	within(t, done, "lines to a reader that is stuck")
	out.close()
	close(reader)
	within(t, out.done, "end of the writing goroutine")
}

type closedWriter struct{}

func (closedWriter) Write([]byte) (int, error) { return 0, errors.New("closed") }

func TestClosedOutput(t *testing.T) {
	closed := make(chan struct{})
	out := newOutput(closedWriter{}, []string{ownName}, style{}, func() { close(closed) }) // panics if called twice
	for range 3 * queueLength {
		out.say("is there anybody")
	}
	within(t, closed, "report of the closed output")
	out.close()
	if !out.broken() {
		t.Error("broken() is false after a failed write, want true")
	}
}

// slow blocks its first write until it is released, and keeps what is written.
type slow struct {
	entered, release chan struct{}
	writes           []string
}

func (s *slow) Write(p []byte) (int, error) {
	if len(s.writes) == 0 {
		close(s.entered)
		<-s.release
	}
	s.writes = append(s.writes, string(p))
	return len(p), nil
}

func TestLinesThatWaitAreWrittenAtOnce(t *testing.T) {
	w := &slow{entered: make(chan struct{}), release: make(chan struct{})}
	out := newOutput(w, []string{ownName}, style{}, func() {})
	out.say("0")
	<-w.entered
	for i := range queueLength {
		out.say("%d", i+1)
	}
	close(w.release)
	out.close()
	within(t, out.done, "end of the writing goroutine")
	if n := len(w.writes); n != 2 {
		t.Errorf("%d writes, want that of the first line, and one", n)
	}
	for i, line := range strings.Split(strings.TrimSpace(strings.Join(w.writes, "")), "\n") {
		if want := fmt.Sprintf(" %d", i); !strings.HasSuffix(line, want) {
			t.Errorf("line %q, want %q at its end", line, want)
		}
	}
}
