package recommend

import (
	"context"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2/simplelru"
	"go.opentelemetry.io/otel/trace"
)

// rememberedReaders bounds how many readers' versions are kept, at about 100 bytes
// each. Replicas catch up within moments, so the latest writers are enough.
const rememberedReaders = 50_000

// versions keeps the history version of each recent writer, so that the next call
// for that reader can ask for at least this version, and the span of the last write, so that
// the trace of the write shows the live shelf that it causes.
type versions struct {
	mu  sync.Mutex
	lru *lru.LRU[int64, latest]
}

// latest is what is known of a reader's last write.
type latest struct {
	version int64
	write   *write // nil unless it is sampled
}

// write is a sampled write.
type write struct {
	span    trace.SpanContext
	book    int64 // its last book
	version int64 // of the history after it; 0 until it has been answered
}

func newVersions() *versions {
	cache, err := lru.NewLRU[int64, latest](rememberedReaders, nil)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &versions{lru: cache}
}

// begin notes that a reader's write begins, if it is sampled: a live shelf may come before the
// answer to the write. It returns nil for a write that is not.
func (v *versions) begin(ctx context.Context, userID, book int64) *write {
	span := trace.SpanContextFromContext(ctx)
	if !span.IsSampled() {
		return nil
	}
	w := &write{span: span, book: book}
	v.mu.Lock()
	defer v.mu.Unlock()
	known, _ := v.lru.Get(userID)
	v.lru.Add(userID, latest{known.version, w})
	return w
}

// raise sets the version of a reader after a write, which begin returned, unless a higher one
// is known.
func (v *versions) raise(userID, version int64, w *write) {
	v.mu.Lock()
	defer v.mu.Unlock()
	known, _ := v.lru.Get(userID)
	if w != nil && known.write == w {
		w.version = version
	}
	if version > known.version {
		v.lru.Add(userID, latest{version, w})
	}
}

// of returns the version of a reader; 0 for none.
func (v *versions) of(userID int64) int64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	known, _ := v.lru.Get(userID)
	return known.version
}

// cause returns the span of the write that caused a reader's shelf, if it came through this
// shop and is sampled: the one of the shelf's version, or one that has not been answered and is
// of the book that caused the shelf.
func (v *versions) cause(userID, version, book int64) trace.SpanContext {
	v.mu.Lock()
	defer v.mu.Unlock()
	known, _ := v.lru.Peek(userID)
	w := known.write
	if w == nil || version == 0 || w.version != version && (w.version != 0 || w.book != book) {
		return trace.SpanContext{}
	}
	return w.span
}
