package attack

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"time"
)

// request is one of a browser or program that is well-formed but means no good.
type request struct {
	method, path, body string
	header             http.Header
}

// client returns an HTTP client at the attacker's address. It keeps cookies and follows no
// redirects, except that it sends a form again when the shop asks for that.
func (r *raid) client() *http.Client {
	jar, _ := cookiejar.New(nil) // never fails without options
	return &http.Client{
		Jar: jar, Timeout: 10 * time.Second,
		Transport: &http.Transport{
			DialContext:         func(ctx context.Context, _, address string) (net.Conn, error) { return r.dial(ctx, address) },
			MaxIdleConnsPerHost: 16, DisableCompression: true,
		},
		CheckRedirect: func(next *http.Request, _ []*http.Request) error {
			if next.Method == http.MethodPost {
				return nil
			}
			return http.ErrUseLastResponse
		},
	}
}

// ask makes a request.
func (r *raid) ask(ctx context.Context, client *http.Client, q request) (a answered, err error) {
	if q.method == "" {
		q.method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(ctx, q.method, "http://"+r.shop+q.path, strings.NewReader(q.body))
	if err != nil {
		return a, err
	}
	for name, values := range q.header {
		req.Header[name] = values
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	resp, err := client.Do(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	return answered{resp.StatusCode, resp.Header, body}, err
}

// askAll makes the requests again and again, up to times times or until the attack is over,
// and has each answer checked.
func (r *raid) askAll(ctx context.Context, times int, list []request, check func(request, answered) error) {
	client := r.client()
	defer client.CloseIdleConnections()
	for range times {
		for _, q := range list {
			a, err := r.ask(ctx, client, q)
			if ctx.Err() != nil {
				return
			}
			r.count("requests", 1)
			if err == nil {
				err = check(q, a)
			}
			if err != nil {
				r.fail("%s %.80q: %v", q.method, q.path, err)
			}
		}
	}
}

// refused is for requests that must not succeed.
func refused(_ request, a answered) error {
	if a.status < 400 || a.status >= 500 {
		return fmt.Errorf("status %d, want 4xx", a.status)
	}
	return nil
}

func form() http.Header { return http.Header{"Content-Type": {"application/x-www-form-urlencoded"}} }
