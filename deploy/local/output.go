package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// stalledReader is how long a shutdown waits for a reader of the output that has
	// stopped reading.
	stalledReader = 250 * time.Millisecond

	queueLength = 64 // lines
)

// output merges the logs of all processes. One goroutine writes whole lines, so lines
// never mix. A reader that stops reading blocks the processes that log, until the
// shutdown begins; a closed output stops the shop.
type output struct {
	w        io.Writer
	style    style
	prefixes map[string]string
	closed   func() // called once, when a write fails
	failed   atomic.Bool

	queue chan []byte
	hurry chan struct{} // closed when the shutdown begins: put waits for stalledReader at most
	drop  chan struct{} // closed after such a wait: put drops lines
	end   chan struct{} // closed by close: pump writes what is queued and returns
	done  chan struct{} // closed when pump has returned

	closeHurry, closeDrop func()
}

func newOutput(w io.Writer, names []string, style style, closed func()) *output {
	o := &output{
		w:        w,
		style:    style,
		prefixes: prefixes(names, style),
		closed:   closed,
		queue:    make(chan []byte, queueLength),
		hurry:    make(chan struct{}),
		drop:     make(chan struct{}),
		end:      make(chan struct{}),
		done:     make(chan struct{}),
	}
	o.closeHurry = sync.OnceFunc(func() { close(o.hurry) })
	o.closeDrop = sync.OnceFunc(func() { close(o.drop) })
	go o.pump()
	return o
}

// say writes one or more lines of the runner's own.
func (o *output) say(format string, args ...any) {
	for line := range strings.Lines(fmt.Sprintf(format, args...)) {
		o.put(ownName, []byte(line))
	}
}

// put queues one line, with or without its line feed.
func (o *output) put(name string, line []byte) {
	whole := make([]byte, 0, len(o.prefixes[name])+len(line)+1)
	whole = append(whole, o.prefixes[name]...)
	whole = append(whole, line...)
	if len(line) == 0 || line[len(line)-1] != '\n' {
		whole = append(whole, '\n')
	}
	select {
	case o.queue <- whole:
		return
	case <-o.drop:
		return
	case <-o.hurry:
	}
	select {
	case o.queue <- whole:
	case <-o.drop:
	case <-time.After(stalledReader):
		o.closeDrop()
	}
}

func (o *output) pump() {
	defer close(o.done)
	for {
		select {
		case line := <-o.queue:
			o.write(line)
		case <-o.end:
			for {
				select {
				case line := <-o.queue:
					o.write(line)
				default:
					return
				}
			}
		}
	}
}

// write writes a line and those that wait after it, at once.
func (o *output) write(lines []byte) {
	for range len(o.queue) { // nobody else receives
		lines = append(lines, <-o.queue...)
	}
	if o.failed.Load() {
		return
	}
	if _, err := o.w.Write(lines); err != nil {
		o.failed.Store(true)
		o.closed()
	}
}

// broken reports whether a write has failed: the output is closed, and lines are lost.
func (o *output) broken() bool { return o.failed.Load() }

// closing begins the shutdown: from now on a reader that does not read blocks put for
// stalledReader at most.
func (o *output) closing() { o.closeHurry() }

// close writes the queued lines and ends the writing goroutine, except if the reader
// does not read.
func (o *output) close() {
	o.closing()
	close(o.end)
	select {
	case <-o.done:
	case <-time.After(stalledReader):
	}
}
