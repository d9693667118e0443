package load

import (
	"context"
	"sync"
	"time"
)

// Caller makes the calls of a load when it is told to and not at a rate, so a
// shop that is slow gets fewer of them. It is for who wants many calls, and not to
// know how long they take. It is safe for concurrent use.
type Caller struct {
	client  *client
	timeout time.Duration

	mu  sync.Mutex // of the choice of calls
	mix *mix
}

// NewCaller finds out what the shop has. Of cfg, what is about time and replicas
// is of no use here, but for Timeout.
func NewCaller(ctx context.Context, cfg Config) (*Caller, error) {
	cfg.Rate = maxRate // which nobody asks for
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	c := &Caller{client: newClient(cfg), timeout: cfg.Timeout}
	offer, err := look(ctx, c.client, cfg)
	if err != nil {
		c.Rest()
		return nil, err
	}
	c.mix = newMix(cfg, offer)
	return c, nil
}

// Call makes one call. It is never Late: it was due when it was made.
func (c *Caller) Call(ctx context.Context) Call {
	c.mu.Lock()
	t := c.mix.next()
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	began := time.Now()
	call := c.client.call(ctx, t)
	call.Latency = time.Since(began)
	t.done(call.Outcome == Full)
	return call
}

// Rest closes the connections that no call uses. More calls may follow.
func (c *Caller) Rest() { c.client.close() }
