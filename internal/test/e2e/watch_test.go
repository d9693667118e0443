//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// pod is the part of a pod that tests read.
type pod struct {
	Metadata struct {
		Name              string `json:"name"`
		DeletionTimestamp string `json:"deletionTimestamp"`
	} `json:"metadata"`
	Status struct {
		PodIP      string                          `json:"podIP"`
		Conditions []struct{ Type, Status string } `json:"conditions"`
	} `json:"status"`
}

func (p pod) ready() bool {
	for _, c := range p.Status.Conditions {
		if c.Type == "Ready" {
			return c.Status == "True"
		}
	}
	return false
}

// readiness records when a watch of the API reported pods ready: the times in a
// pod's own conditions have whole seconds only.
type readiness struct {
	mu     sync.Mutex
	at     map[string]time.Time
	change chan struct{} // closed at each change
}

// watchReadiness watches the pods of one component of the release until the test
// ends.
func (n *namespace) watchReadiness(t *testing.T, component string) *readiness {
	t.Helper()
	r := &readiness{at: map[string]time.Time{}, change: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := exec.CommandContext(ctx, "kubectl", "--namespace="+n.name, "get", "pods", "--watch", "--output-watch-events", "-o", "json",
		"-l", "app.kubernetes.io/instance="+release+",app.kubernetes.io/component="+component)
	events, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		for d := json.NewDecoder(events); ; {
			var event struct{ Object pod }
			if d.Decode(&event) != nil {
				return
			}
			if event.Object.ready() {
				r.record(event.Object.Metadata.Name)
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		reading.Wait()
		_ = cmd.Wait() // it was killed
	})
	for _, pod := range n.pods(t, component) { // the watch reports these first
		r.wait(t, func(known string) bool { return known == pod }, time.Time{})
	}
	return r
}

func (r *readiness) record(pod string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.at[pod]; !known {
		r.at[pod] = time.Now()
		close(r.change)
		r.change = make(chan struct{})
	}
}

// next waits until a pod has become ready after a time, and returns the first.
func (r *readiness) next(t *testing.T, after time.Time) (name string, at time.Time) {
	t.Helper()
	return r.wait(t, func(string) bool { return true }, after)
}

// wait is next for those pods that of accepts.
func (r *readiness) wait(t *testing.T, of func(pod string) bool, after time.Time) (name string, at time.Time) {
	t.Helper()
	deadline := time.After(patience.Duration)
	for {
		r.mu.Lock()
		for pod, when := range r.at {
			if of(pod) && when.After(after) && (name == "" || when.Before(at)) {
				name, at = pod, when
			}
		}
		change := r.change
		r.mu.Unlock()
		if name != "" {
			return name, at
		}
		select {
		case <-change:
		case <-deadline:
			t.Fatalf("not within %v: a pod becomes ready", patience)
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
}

// since returns the pods that became ready after a time, and when they did.
func (r *readiness) since(after time.Time) map[string]time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := map[string]time.Time{}
	for pod, when := range r.at {
		if when.After(after) {
			list[pod] = when
		}
	}
	return list
}

// line is a line of a service's log.
type line struct {
	Time      time.Time `json:"time"`
	Message   string    `json:"msg"`
	Method    string    `json:"method"`
	RequestID string    `json:"requestID"`
	TraceID   string    `json:"traceID"`
}

// shelf reports whether the line is that of a call for a shelf.
func (l line) shelf() bool {
	return l.Message == "call" && (strings.HasSuffix(l.Method, "RecommendationsService/Recommend") ||
		strings.HasSuffix(l.Method, "RecommendationsService/SimilarBooks"))
}

// lines returns the log of a pod.
func (n *namespace) lines(t *testing.T, pod string) (list []line) {
	t.Helper()
	for text := range strings.Lines(n.kubectl(t, "logs", pod)) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("log of %s: %v: %s", pod, err, text)
		}
		list = append(list, l)
	}
	if len(list) == 0 {
		t.Fatalf("the log of %s is empty", pod)
	}
	return list
}

// firstShelf waits until a replica has answered a call for a shelf, and returns when
// it did so first.
func (n *namespace) firstShelf(t *testing.T, pod string) (first time.Time) {
	t.Helper()
	until(t, patience, pod+" answers a call for a shelf", func() bool {
		for _, l := range n.lines(t, pod) {
			if l.shelf() {
				first = l.Time
				return true
			}
		}
		return false
	})
	return first
}
