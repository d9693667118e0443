// Package traces receives the spans of the programs of make observe, keeps the last traces in
// memory, and shows them as waterfalls on a page.
package traces

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"bookstall/internal/otlpsink"
)

// Bounds of what is kept: at most some 25 MB, whatever is sent.
const (
	mostTraces = 200
	mostSpans  = 100 // of a trace
	longest    = 200 // bytes of a text
)

// book keeps the last traces.
type book struct {
	mu     sync.Mutex
	traces map[string]*kept // by id
	order  []string         // ids, the oldest first
}

// kept is a trace, or the part of it that has arrived.
type kept struct {
	id    string
	spans []otlpsink.Span
	cut   bool // whether more spans came than are kept
}

func newBook() *book { return &book{traces: map[string]*kept{}} }

// add keeps a span, and forgets the oldest trace if there are too many.
func (b *book) add(s otlpsink.Span) {
	for _, text := range []*string{&s.Service, &s.Instance, &s.Name, &s.Kind, &s.TraceID, &s.ID, &s.Parent, &s.RequestID, &s.Events, &s.Failed, &s.Links} {
		*text = shortened(*text)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.traces[s.TraceID]
	if t == nil {
		t = &kept{id: s.TraceID}
		b.traces[s.TraceID] = t
		if b.order = append(b.order, s.TraceID); len(b.order) > mostTraces {
			delete(b.traces, b.order[0])
			b.order = slices.Delete(b.order, 0, 1)
		}
	}
	if len(t.spans) == mostSpans {
		t.cut = true
		return
	}
	t.spans = append(t.spans, s)
}

// shortened returns a text that holds no more memory than it has bytes.
func shortened(text string) string {
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(strings.Clone(text[:longest]), "") + "…"
}

// last returns the traces of a request id, or all with "", the newest first.
func (b *book) last(request string) (list []kept) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range slices.Backward(b.order) {
		t := b.traces[id]
		if request == "" || slices.ContainsFunc(t.spans, func(s otlpsink.Span) bool { return s.RequestID == request }) {
			list = append(list, kept{t.id, slices.Clone(t.spans), t.cut})
		}
	}
	return list
}

// trace returns one trace.
func (b *book) trace(id string) (kept, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, ok := b.traces[id]
	if !ok {
		return kept{}, false
	}
	return kept{t.id, slices.Clone(t.spans), t.cut}, true
}

// node is a span at its place in the tree.
type node struct {
	otlpsink.Span

	depth int
}

// tree returns the spans, each before those below it. A span whose parent is not there, because
// it has not arrived or is in a program that exports elsewhere, is at the top.
func (t kept) tree() (list []node) {
	below := map[string][]otlpsink.Span{}
	known := map[string]bool{}
	for _, s := range t.spans {
		known[s.ID] = true
	}
	for _, s := range t.spans {
		parent := s.Parent
		if !known[parent] || parent == s.ID {
			parent = ""
		}
		below[parent] = append(below[parent], s)
	}
	var walk func(parent string, depth int)
	walk = func(parent string, depth int) {
		children := below[parent]
		delete(below, parent) // so that spans which claim each other as a parent end
		slices.SortStableFunc(children, func(a, b otlpsink.Span) int { return cmp.Or(a.Start.Compare(b.Start), strings.Compare(a.ID, b.ID)) })
		for _, s := range children {
			list = append(list, node{s, depth})
			walk(s.ID, depth+1)
		}
	}
	walk("", 0)
	return list
}
