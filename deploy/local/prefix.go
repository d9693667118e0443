package main

import (
	"bytes"
	"fmt"
	"sync"
)

// longestLine bounds the memory for one line, in bytes. Longer lines are split.
const longestLine = 1 << 20

// prefixes returns the prefix of each name's lines: the name, padded to a common width.
func prefixes(names []string, style style) map[string]string {
	width := 0
	for _, name := range names {
		width = max(width, len(name))
	}
	// Magenta, cyan, green, blue, and the same brighter: yellow means a warning, red an error.
	codes := []int{35, 36, 32, 34, 95, 96, 92, 94}
	out := make(map[string]string, len(names))
	for i, name := range names {
		out[name] = style.paint(codes[i%len(codes)], fmt.Sprintf("%-*s |", width, name)) + " "
	}
	return out
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
	l.out.put(l.name, l.out.style.show(bytes.TrimSuffix(l.part, []byte("\r"))))
	l.part = l.part[:0]
}
