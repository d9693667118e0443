package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
)

// longestLine bounds the memory for one line, in bytes. Longer lines are split.
const longestLine = 1 << 20

// prefixes returns the prefix of each name's lines: the name, padded to a common width.
func prefixes(names []string, colour bool) map[string]string {
	width := 0
	for _, name := range names {
		width = max(width, len(name))
	}
	codes := []int{35, 36, 32, 33, 34} // magenta, cyan, green, yellow, blue: none means an error
	out := make(map[string]string, len(names))
	for i, name := range names {
		p := fmt.Sprintf("%-*s |", width, name)
		if colour {
			p = fmt.Sprintf("\x1b[%dm%s\x1b[0m", codes[i%len(codes)], p)
		}
		out[name] = p + " "
	}
	return out
}

// coloured reports whether w is a terminal that shows colours.
func coloured(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// lineWriter splits what a process writes into lines. Standard output and standard
// error of a process share one.
type lineWriter struct {
	out  *output
	name string

	mu   sync.Mutex
	part []byte // the beginning of a line
}

func (o *output) lineWriter(name string) *lineWriter {
	return &lineWriter{out: o, name: name}
}

// Write never fails, so that a process does not stop because nobody reads its log.
func (l *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(p) > 0 {
		piece, rest, ended := bytes.Cut(p, []byte("\n"))
		if room := longestLine - len(l.part); len(piece) > room {
			piece, rest, ended = p[:room], p[room:], true
		}
		l.part = append(l.part, piece...)
		p = rest
		if ended {
			l.emit()
		}
	}
	return n, nil
}

// flush writes the last line if it has no line feed.
func (l *lineWriter) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.part) > 0 {
		l.emit()
	}
}

func (l *lineWriter) emit() {
	l.out.put(l.name, bytes.TrimSuffix(l.part, []byte("\r")))
	l.part = l.part[:0]
}
