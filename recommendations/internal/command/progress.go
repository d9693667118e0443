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
	file     string // the file that is being read, since began
	began    time.Time
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
	now := time.Now()
	if file != p.file {
		p.file, p.began = file, now
	}
	every := progressLine
	if p.terminal {
		every = progressRedraw
	}
	if done := read >= size; now.Sub(p.last) < every && (!done || !p.terminal) {
		return
	}
	p.last = now
	percent := int64(100)
	if size > 0 {
		percent = min(100, 100*read/size)
	}
	state := fmt.Sprintf("%3d %%  %d rows", percent, rows)
	if took := now.Sub(p.began); took > 0 && read > 0 {
		left := time.Duration(float64(took) * float64(max(0, size-read)) / float64(read))
		state += fmt.Sprintf(", %.0f rows/s, %v left", float64(rows)/took.Seconds(), left.Round(time.Second))
	}
	if !p.terminal {
		fmt.Fprintf(p.to, "%s: %s\n", file, strings.TrimSpace(state))
		return
	}
	const width = 30
	filled := int(percent * width / 100)
	fmt.Fprintf(p.to, "%s%-28s [%-*s] %s", clearLine, file, width, strings.Repeat("=", filled), state)
	p.shown = true
}

// clear removes the bar.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.to, clearLine)
		p.shown = false
	}
}
