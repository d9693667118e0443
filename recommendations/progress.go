package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress shows how far a command is: on a terminal one line that changes,
// elsewhere a line now and then.
type progress struct {
	to       io.Writer
	terminal bool
	shown    bool
	last     time.Time
}

const (
	progressRedraw = 100 * time.Millisecond
	progressLine   = 5 * time.Second
	clearLine      = "\r\x1b[K"
)

func newProgress(to io.Writer) *progress {
	p := &progress{to: to, last: time.Now()}
	if f, ok := to.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

// at is a transfer.Progress.
func (p *progress) at(file string, read, size, rows int64) {
	every := progressLine
	if p.terminal {
		every = progressRedraw
	}
	if done := read >= size; time.Since(p.last) < every && (!done || !p.terminal) {
		return
	}
	p.last = time.Now()
	percent := int64(100)
	if size > 0 {
		percent = min(100, 100*read/size)
	}
	if !p.terminal {
		fmt.Fprintf(p.to, "%s: %d %%, %d rows\n", file, percent, rows)
		return
	}
	const width = 30
	filled := int(percent * width / 100)
	fmt.Fprintf(p.to, "%s%-28s [%-*s] %3d %%  %d rows", clearLine, file, width, bar(filled), percent, rows)
	p.shown = true
}

func bar(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = '='
	}
	return string(b)
}

// line prints a line that stays.
func (p *progress) line(text string) {
	p.clear()
	fmt.Fprintln(p.to, text)
}

// clear takes the bar away.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.to, clearLine)
		p.shown = false
	}
}
