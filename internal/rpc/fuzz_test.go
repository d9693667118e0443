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

// FuzzWithPort: of a target that can be dialled only the port changes, and it can
// be dialled still.
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
				t.Errorf("%q can be dialled, and then: %v", target, err)
			}
			return
		}
		was, err1 := url.Parse(target)
		is, err2 := url.Parse(got)
		if err := errors.Join(err1, err2, CheckTarget(got)); err != nil {
			t.Fatalf("%q became %q: %v", target, got, err)
		}
		host, _, _ := net.SplitHostPort(was.Path[1:]) // was checked
		if is.Host != was.Host || is.Path != "/"+net.JoinHostPort(host, "9090") {
			t.Errorf("%q became %q", target, got)
		}
	})
}

// FuzzRequestIDOfCall: a call has the first good id that it brings, or a new one.
func FuzzRequestIDOfCall(f *testing.F) {
	f.Add("request-1", "request-2")
	f.Add("bad id", "request-2")
	f.Add("", "12345678\n")
	f.Fuzz(func(t *testing.T, first, second string) {
		brought := []string{first, second}
		ctx := metadata.NewIncomingContext(t.Context(), metadata.MD{telemetry.RequestIDMetadata: brought})
		id := telemetry.RequestID(withRequestID(ctx))
		if !telemetry.ValidRequestID(id) {
			t.Fatalf("%q: the id is %q", brought, id)
		}
		if good := slices.IndexFunc(brought, telemetry.ValidRequestID); good >= 0 && id != brought[good] {
			t.Errorf("%q: the id is %q", brought, id)
		}
	})
}
