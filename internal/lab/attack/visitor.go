package attack

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"time"
)

// become makes the client a reader of the shop who likes a book. A shop that is busy is
// asked again.
func (r *raid) become(ctx context.Context, client *http.Client) error {
	for _, q := range []request{{path: "/"}, {http.MethodPost, "/interactions", "book=1&do=like&return=/", form()}} {
		a, err := r.ask(ctx, client, q)
		for err == nil && a.status == http.StatusServiceUnavailable {
			sleep(ctx, 100*time.Millisecond)
			a, err = r.ask(ctx, client, q)
		}
		if err != nil {
			return err
		} else if a.status >= 400 {
			return fmt.Errorf("a first visit: %s has status %d", q.path, a.status)
		}
	}
	return nil
}

// liked marks the page of the own books of whoever likes one.
const liked = `value="unlike"`

// cookies forges, changes and doubles the cookie of a reader.
func cookies(ctx context.Context, r *raid) error {
	client := r.client()
	defer client.CloseIdleConnections()
	if err := r.become(ctx, client); err != nil {
		return err
	}
	home, err := url.Parse("http://" + r.shop + "/your-books")
	if err != nil {
		return err
	}
	var own []*http.Cookie
	for _, c := range client.Jar.Cookies(home) {
		if strings.HasSuffix(c.Name, "visitor") || c.Name == "reader" {
			own = append(own, c)
		}
	}
	if len(own) == 0 {
		return errors.New("a reader has no cookie")
	}
	shows := func(header string) (bool, error) {
		client.Jar, _ = cookiejar.New(nil)
		a, err := r.ask(ctx, client, request{path: "/your-books", header: http.Header{"Cookie": {header}}})
		if err == nil && a.status >= 500 {
			err = fmt.Errorf("status %d", a.status)
		}
		return bytes.Contains(a.body, []byte(liked)), err
	}
	join := func(change func(value string) []string) string {
		var parts []string
		for _, c := range own {
			for _, v := range change(c.Value) {
				parts = append(parts, c.Name+"="+v)
			}
		}
		return strings.Join(parts, "; ")
	}
	if ok, err := shows(join(func(v string) []string { return []string{v} })); err != nil || !ok {
		return errors.Join(fmt.Errorf("the reader's own cookie: the book is shown: %t", ok), err)
	}
	random := rand.New(rand.NewPCG(1, 1))
	changes := map[string]func(string) []string{
		"a changed character": func(v string) []string {
			at := random.IntN(len(v))
			return []string{v[:at] + string("ABCxyz0189"[random.IntN(10)]) + "-" + v[at+1:]}
		},
		"a cut cookie":     func(v string) []string { return []string{v[:random.IntN(len(v))]} },
		"a doubled cookie": func(v string) []string { return []string{v, v} },
		"two cookies":      func(v string) []string { return []string{"x", v} },
		"a long cookie":    func(v string) []string { return []string{v + strings.Repeat("A", 4000)} },
		"no cookie":        func(string) []string { return []string{""} },
	}
	for range r.n(100) {
		for name, change := range changes {
			ok, err := shows(join(change))
			if ctx.Err() != nil {
				return nil
			}
			r.count("forged cookies", 1)
			if err != nil || ok {
				r.fail("%s: the reader's book is shown: %t, %v", name, ok, err)
			}
		}
	}
	return nil
}

// writes makes as many writes with one cookie as the shop takes.
func writes(ctx context.Context, r *raid) error {
	client := r.client()
	defer client.CloseIdleConnections()
	if err := r.become(ctx, client); err != nil {
		return err
	}
	left := make(chan struct{}, r.n(3000))
	for range cap(left) {
		left <- struct{}{}
	}
	close(left)
	var writing sync.WaitGroup
	for range 16 {
		writing.Go(func() {
			for range left {
				a, err := r.ask(ctx, client, request{http.MethodPost, "/interactions", "book=2&do=like&return=/", form()})
				switch {
				case ctx.Err() != nil:
					return
				case err != nil:
					r.fail("a write: %v", err)
				case a.status == http.StatusSeeOther:
					r.count("writes taken", 1)
				case a.status == http.StatusTooManyRequests:
					r.count("writes refused", 1)
				default:
					r.fail("a write has status %d", a.status)
				}
			}
		})
	}
	writing.Wait()
	return nil
}

// shelves opens live shelves with one cookie.
func shelves(ctx context.Context, r *raid) error {
	client := r.client()
	defer client.CloseIdleConnections()
	if err := r.become(ctx, client); err != nil {
		return err
	}
	home, err := url.Parse("http://" + r.shop)
	if err != nil {
		return err
	}
	var cookie []string
	for _, c := range client.Jar.Cookies(home) {
		cookie = append(cookie, c.Name+"="+c.Value)
	}
	r.crowd(ctx, r.n(1000), r.shop, func(_ context.Context, c net.Conn) {
		if _, err := io.WriteString(c, "GET /shelf/events HTTP/1.1\r\nHost: shop\r\nCookie: "+strings.Join(cookie, "; ")+"\r\n\r\n"); err != nil {
			return
		}
		in := bufio.NewReader(c)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return
		}
		defer resp.Body.Close()
		r.count(fmt.Sprintf("live shelves with status %d", resp.StatusCode), 1)
		drain(resp.Body)
	})
	return nil
}
