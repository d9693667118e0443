package load

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Caller makes the calls of a load one by one, on demand instead of at a rate. It is
// for callers that want many calls and do not measure how long they take. It is safe
// for concurrent use.
type Caller struct {
	client  *client
	timeout time.Duration

	mu  sync.Mutex // guards mix
	mix *mix
}

// NewCaller fetches the shop's books and sample readers. Of what cfg says about time
// and replicas, it uses only Timeout.
func NewCaller(ctx context.Context, cfg Config) (*Caller, error) {
	cfg.Rate = maxRate // unused, but it must be valid
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	c := &Caller{client: newClient(cfg), timeout: cfg.Timeout}
	offer, err := fetchOffer(ctx, c.client, cfg)
	if err != nil {
		c.Rest()
		return nil, err
	}
	c.mix = newMix(cfg, offer)
	return c, nil
}

// Call makes the next call of the mix. It is never Late, as it is due when it is made.
func (c *Caller) Call(ctx context.Context) Call {
	c.mu.Lock()
	t := c.mix.next()
	c.mu.Unlock()
	call := c.make(ctx, t)
	t.done(call.Outcome == Full)
	return call
}

// Recommend makes a call for the recommendations of a reader, with or without a
// history.
func (c *Caller) Recommend(ctx context.Context, reader int64) Call {
	return c.make(ctx, task{kind: APIKnown, path: recommendations(reader)})
}

func (c *Caller) make(ctx context.Context, t task) Call {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	began := time.Now()
	call := c.client.call(ctx, t)
	call.Latency = time.Since(began)
	return call
}

// Send makes a request with the cookies of jar, a POST if there is a form. It follows no
// redirects, but sends a form again when the shop asks for that.
func (c *Caller) Send(ctx context.Context, jar http.CookieJar, path string, form url.Values) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	a, err := c.client.send(ctx, task{path: path, form: form, reader: &reader{jar: jar}})
	return a.status, a.body, err
}

// Rest closes idle connections. More calls may follow.
func (c *Caller) Rest() { c.client.close() }
