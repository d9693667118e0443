package balance

import (
	"context"
	"slices"
	"sync"
)

// Elsewhere returns a context for calls that follow each other until one has the answer that
// the caller needs: each goes to a replica that none of those before it went to, while there
// is one. It is for answers by which a replica refuses what another may accept, and which are
// no errors that gRPC retries.
func Elsewhere(ctx context.Context) context.Context { return &calls{Context: ctx} }

// calls are the calls of a context from Elsewhere.
type calls struct {
	context.Context

	mu sync.Mutex
	to []*replica
}

type callsKey struct{} // has the calls of a context

// callsOf returns the calls of a context, nil for none.
func callsOf(ctx context.Context) *calls {
	if ctx == nil {
		return nil
	}
	c, _ := ctx.Value(callsKey{}).(*calls)
	return c
}

// Value implements context.Context.
func (c *calls) Value(key any) any {
	if key == (callsKey{}) {
		return c
	}
	return c.Context.Value(key)
}

func (c *calls) sentTo(r *replica) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.to = append(c.to, r)
}

// tried reports whether one of the calls went to r.
func (c *calls) tried(r *replica) bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.to, r)
}
