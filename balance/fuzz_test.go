package balance

import (
	"net"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/grpc/resolver"
)

// FuzzTarget checks that a valid target has a host, a port and, if it has a DNS server,
// the server's host and port; and that the error of any other says that it is a target.
func FuzzTarget(f *testing.F) {
	for _, text := range []string{
		"dns:///recommendations:50051", "dns://127.0.0.1:5353/recommendations:50051", "dns://[::1]/a.b.:1", "dns:///[::1]:65535",
		"dns:///a:0", "dns:///a:65536", "dns:///:1", "dns:a:1", "passthrough:///a:1", "dns:///a:1?x=/b:2", "dns:///a%3A1", "dns://[::1/a:1", "dns://u:p@h/a:1", "",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		err := CheckTarget(text)
		if err != nil {
			if !strings.Contains(err.Error(), "target ") {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseTarget(resolver.Target{URL: *u})
		if err != nil || got.host == "" || got.port == 0 {
			t.Errorf("%q is parsed as %+v, %v", text, got, err)
		}
		if got.server == "" {
			return
		}
		if host, port, err := net.SplitHostPort(got.server); err != nil || host == "" || port == "" {
			t.Errorf("%q has the DNS server %q (%v)", text, got.server, err)
		}
	})
}
