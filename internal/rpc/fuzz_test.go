package rpc

import (
	"errors"
	"net"
	"net/url"
	"slices"
	"testing"

	"google.golang.org/grpc/metadata"

	"bookstall/internal/telemetry"
)

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
			if CheckTarget(target) == nil {
				t.Errorf("%q is a valid target, but WithPort returns %v", target, err)
			}
			return
		}
		was, err1 := url.Parse(target)
		is, err2 := url.Parse(got)
		if err := errors.Join(err1, err2, CheckTarget(got)); err != nil {
			t.Fatalf("%q: WithPort returns %q: %v", target, got, err)
		}
		host, _, _ := net.SplitHostPort(was.Path[1:]) // CheckTarget has accepted it
		if is.Host != was.Host || is.Path != "/"+net.JoinHostPort(host, "9090") {
			t.Errorf("%q: WithPort returns %q", target, got)
		}
	})
}

// FuzzRequestIDOfCall checks that the server uses the first valid request id in the
// metadata, or makes a new one.
func FuzzRequestIDOfCall(f *testing.F) {
	f.Add("request-1", "request-2")
	f.Add("bad id", "request-2")
	f.Add("", "12345678\n")
	f.Fuzz(func(t *testing.T, first, second string) {
		sent := []string{first, second}
		ctx := metadata.NewIncomingContext(t.Context(), metadata.MD{telemetry.RequestIDMetadata: sent})
		id := telemetry.RequestID(withRequestID(ctx))
		if !telemetry.ValidRequestID(id) {
			t.Fatalf("%q: the server uses the invalid id %q", sent, id)
		}
		if valid := slices.IndexFunc(sent, telemetry.ValidRequestID); valid >= 0 && id != sent[valid] {
			t.Errorf("%q: the server uses the id %q", sent, id)
		}
	})
}
