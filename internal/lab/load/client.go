package load

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const maxBody = 4 << 20 // bytes of an answer

// callsPerConnection is about how many calls go over one connection. Readers come and
// go. Connections that stayed would also stay on one pod behind a Service.
const callsPerConnection = 10

// client calls the shop over connections that it keeps for a while, as browsers do.
type client struct {
	shop, token string
	retry       bool
	transport   *http.Transport
	sent        atomic.Int64
}

func newClient(cfg Config) *client {
	return &client{shop: cfg.Shop, token: cfg.Token, retry: cfg.Retry, transport: &http.Transport{
		DialContext:         cfg.Dial,
		MaxIdleConnsPerHost: cfg.MaxInFlight,
		IdleConnTimeout:     30 * time.Second,
		DisableCompression:  true,
	}}
}

func (c *client) close() { c.transport.CloseIdleConnections() }

// answer is an answer of the shop.
type answer struct {
	status     int
	retryAfter bool
	body       []byte
	again      int32 // how often the shop asked for the form again
}

// call makes a call and judges its answer.
func (c *client) call(ctx context.Context, t task) Call {
	// The transport itself retries a request on a connection that the shop has just
	// closed. That counts as any other retry, and is a failure without Config.Retry.
	var connections atomic.Int32
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connections.Add(1) },
	})
	a, err := c.send(traced, t)
	retried := false
	if err != nil && c.retry && t.form == nil && ctx.Err() == nil {
		retried = true
		a, err = c.send(ctx, t)
	}
	call := Call{Kind: t.kind, Retried: retried || connections.Load() > 1+a.again}
	if call.Retried && !c.retry {
		call.Outcome, call.Reason, call.Retried = Failed, "connection ended", false
		return call
	}
	if err != nil {
		call.Outcome, call.Reason = Failed, brief(err)
		return call
	}
	call.Outcome, call.Reason, call.ServedBy = judge(t, a)
	return call
}

// send makes one attempt. It follows no redirects, except that it sends a form again when
// the shop asks for that: the first form of a browser without a cookie comes back with one.
func (c *client) send(ctx context.Context, t task) (a answer, err error) {
	method, body := http.MethodGet, io.Reader(nil)
	if t.form != nil {
		method, body = http.MethodPost, strings.NewReader(t.form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, c.shop+t.path, body)
	if err != nil {
		return a, err
	}
	req.Close = c.sent.Add(1)%callsPerConnection == 0
	if t.form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if c.token != "" && strings.HasPrefix(t.path, "/api/") {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	browser := http.Client{Transport: c.transport, CheckRedirect: func(next *http.Request, _ []*http.Request) error {
		if next.Method == http.MethodPost {
			a.again++
			return nil
		}
		return http.ErrUseLastResponse
	}}
	if t.reader != nil {
		browser.Jar = t.reader.jar
	}
	resp, err := browser.Do(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	a.status, a.retryAfter = resp.StatusCode, resp.Header.Get("Retry-After") != ""
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody))
	return a, err
}

// brief puts an error into one of a few classes, so that they can be counted.
func brief(err error) string {
	var dns *net.DNSError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection ended"
	case errors.As(err, &dns):
		return "name not found"
	default:
		return "connection broken"
	}
}
