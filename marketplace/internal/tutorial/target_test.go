package tutorial

import (
	"errors"
	"net"
	"net/url"
	"testing"

	"bookstall/balance"
)

func TestWithPort(t *testing.T) {
	for target, want := range map[string]string{
		"dns:///recommendations.shop.svc.:50051": "dns:///recommendations.shop.svc.:8081",
		"dns://127.0.0.1:5353/books.test.:50051": "dns://127.0.0.1:5353/books.test.:8081",
		"dns:///[::1]:50051":                     "dns:///[::1]:8081",
		"books":                                  "",
	} {
		if got, err := WithPort(target, "8081"); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v; want %q", target, got, err, want)
		}
	}
}

// FuzzWithPort checks that WithPort changes nothing but the port of a valid target, and
// that the result is a valid target.
func FuzzWithPort(f *testing.F) {
	for _, target := range []string{
		"dns:///recommendations:50051", "dns://127.0.0.1:5353/recommendations:50051", "dns:///[::1]:1", "dns:///a:1?x=/b:2", "dns:///a%3A1", "dns:///a:1#/b:3", "x",
	} {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		got, err := WithPort(target, "9090")
		if err != nil {
			if balance.CheckTarget(target) == nil {
				t.Errorf("%q is a valid target, but WithPort returns %v", target, err)
			}
			return
		}
		was, err1 := url.Parse(target)
		is, err2 := url.Parse(got)
		if err := errors.Join(err1, err2, balance.CheckTarget(got)); err != nil {
			t.Fatalf("%q: WithPort returns %q: %v", target, got, err)
		}
		host, _, _ := net.SplitHostPort(was.Path[1:]) // CheckTarget has accepted it
		if is.Host != was.Host || is.Path != "/"+net.JoinHostPort(host, "9090") {
			t.Errorf("%q: WithPort returns %q", target, got)
		}
	})
}
