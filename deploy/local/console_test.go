package main

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// console is an output in memory. Tests can wait for its lines.
type console struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	changed chan struct{} // closed at the next write
}

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
	return c.buf.Write(p)
}

func (c *console) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.buf.String()
}

func (c *console) contains(s string) bool { return strings.Contains(c.text(), s) }

func (c *console) lines() []string {
	return strings.Split(strings.TrimSuffix(c.text(), "\n"), "\n")
}

// await waits until pattern has matched n times and returns the groups of the n-th
// match.
func (c *console) await(t *testing.T, n int, pattern string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	deadline := time.After(limit)
	for {
		c.mu.Lock()
		found := re.FindAllStringSubmatch(c.buf.String(), n)
		if c.changed == nil {
			c.changed = make(chan struct{})
		}
		changed := c.changed
		c.mu.Unlock()
		if len(found) == n {
			return found[n-1]
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("no %d matches of %q within %v in:\n%s", n, pattern, limit, c.text())
		}
	}
}

// index returns the index of the first line that contains s.
func (c *console) index(t *testing.T, s string) int {
	t.Helper()
	for i, line := range c.lines() {
		if strings.Contains(line, s) {
			return i
		}
	}
	t.Fatalf("no line has %q:\n%s", s, c.text())
	return -1
}
