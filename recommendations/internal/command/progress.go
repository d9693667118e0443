package command

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// progress shows how far a command is: as a bar on a terminal, otherwise as a line
// every few seconds.
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
	return &progress{to: to, last: time.Now(), terminal: isTerminal(to)}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// at shows a position in a file; it is a transfer.Progress.
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
	fmt.Fprintf(p.to, "%s%-28s [%-*s] %3d %%  %d rows", clearLine, file, width, strings.Repeat("=", filled), percent, rows)
	p.shown = true
}

// line prints a line in place of the bar.
func (p *progress) line(text string) {
	p.clear()
	fmt.Fprintln(p.to, text)
}

// clear removes the bar.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.to, clearLine)
		p.shown = false
	}
}
