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
	// patience is how long the closing shop waits for a reader that has stopped
	// reading its output.
	patience = 250 * time.Millisecond

	queueLength = 64 // lines
)

// output is the one place all logs come to. One goroutine writes, a whole line
// at a time, so lines never mix. A reader that pauses holds the shop up, until
// it closes; a reader that is gone ends it.
type output struct {
	w        io.Writer
	prefixes map[string]string
	gone     func() // called when a write fails
	failed   atomic.Bool

	queue chan []byte
	hurry chan struct{} // closed: the reader has patience left, no more
	drop  chan struct{} // closed: the reader has had its time
	end   chan struct{} // closed: write what is queued and return
	done  chan struct{}

	closeHurry, closeDrop func()
}

func newOutput(w io.Writer, names []string, colour bool, gone func()) *output {
	o := &output{
		w:        w,
		prefixes: prefixes(names, colour),
		gone:     gone,
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

// say writes a line of the runner's own, or several.
func (o *output) say(format string, args ...any) {
	for line := range strings.Lines(fmt.Sprintf(format, args...)) {
		o.put(own, []byte(line))
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
	case <-time.After(patience):
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

func (o *output) write(line []byte) {
	if o.failed.Load() {
		return
	}
	if _, err := o.w.Write(line); err != nil {
		o.failed.Store(true)
		o.gone()
	}
}

// broken says that lines were lost because the reader is gone.
func (o *output) broken() bool { return o.failed.Load() }

// closing is called when the shop begins to close: from now on a reader that
// does not read holds nothing up.
func (o *output) closing() { o.closeHurry() }

// close writes what is queued. It leaves the writing goroutine behind only if
// the reader does not read.
func (o *output) close() {
	o.closing()
	close(o.end)
	select {
	case <-o.done:
	case <-time.After(patience):
	}
}
