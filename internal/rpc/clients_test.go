package rpc

import (
	"crypto/x509"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func named(names ...string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.DNSNames, c.URIs = nil, nil
		for _, name := range names {
			if u, err := url.Parse(name); err == nil && u.Scheme != "" {
				c.URIs = append(c.URIs, u)
			} else {
				c.DNSNames = append(c.DNSNames, name)
			}
		}
	}
}

// TestClientsAreAuthorised: of clients with certificates of the CA, those that are named may
// read, or write, or both.
func TestClientsAreAuthorised(t *testing.T) {
	const (
		id    = "spiffe://shop.test/ns/books/bookstall-marketplace"
		other = "spiffe://shop.test/ns/books/other"
	)
	for _, c := range []struct {
		what        string
		clients     TLSClients
		replica     []string // names of its certificate
		client      []string
		read, write bool
	}{
		{"the shop beside a replica", TLSClients{}, []string{tlsName}, []string{"marketplace.test"}, true, true},
		{"its name in capitals", TLSClients{}, []string{tlsName}, []string{"MARKETPLACE.test"}, true, true},
		{"its release", TLSClients{}, []string{tlsName, "a-recommendations.b.svc"}, []string{"a-marketplace.b.svc"}, true, true},
		{"another release", TLSClients{}, []string{tlsName, "a-recommendations.b.svc"}, []string{"c-marketplace.b.svc"}, false, false},
		{"its SPIFFE ID", TLSClients{}, []string{tlsName, "spiffe://shop.test/ns/books/bookstall-recommendations"}, []string{id}, true, true},
		{"another service", TLSClients{}, []string{tlsName}, []string{"warehouse.test"}, false, false},
		{"a replica", TLSClients{}, []string{tlsName}, []string{tlsName}, false, false},
		{"a name on the list", TLSClients{AllowedClients: []string{"a.test", "b.test."}}, []string{tlsName}, []string{"b.test"}, true, true},
		{"the shop, not on the list", TLSClients{AllowedClients: []string{"a.test"}}, []string{tlsName}, []string{"marketplace.test"}, false, false},
		{"a wildcard", TLSClients{AllowedClients: []string{"a.shop.test"}}, []string{tlsName}, []string{"*.shop.test"}, false, false},
		{"a SPIFFE ID", TLSClients{AllowedClients: []string{id}}, []string{tlsName}, []string{id}, true, true},
		{"another SPIFFE ID", TLSClients{AllowedClients: []string{id}}, []string{tlsName}, []string{other}, false, false},
		{"two SPIFFE IDs", TLSClients{AllowedClients: []string{id}}, []string{tlsName}, []string{id, other}, false, false},
		{"may read", TLSClients{AllowedClients: []string{"marketplace.test"}, AllowedToRead: []string{"reports.test"}}, []string{tlsName}, []string{"reports.test"}, true, false},
		{"may write", TLSClients{AllowedToWrite: []string{"importer.test"}}, []string{tlsName}, []string{"importer.test"}, false, true},
		{"warned of", TLSClients{UnknownClients: unknownWarn}, []string{tlsName}, []string{"warehouse.test"}, true, true},
	} {
		t.Run(c.what, func(t *testing.T) {
			ca := newTestCA(t)
			var reg *prometheus.Registry
			r, err := startReplica(t, func(cfg *ServerConfig) {
				cfg.TLS, cfg.HealthAddress = ca.issue(t, t.TempDir(), tlsName, named(c.replica...), usages(x509.ExtKeyUsageServerAuth)), "127.0.0.1:0"
				cfg.Clients, cfg.Reads = c.clients, func(method string) bool { return method == testMethod || method == testTalk }
				reg = cfg.Telemetry.Registry
			})
			if err != nil {
				t.Fatal(err)
			}
			// The common name, which says nothing, is that of the shop.
			files := ca.issue(t, t.TempDir(), "marketplace.test", named(c.client...), usages(x509.ExtKeyUsageClientAuth))
			client := secureClient(t, r, files)
			ctx := t.Context()
			_, err = invoke(ctx, client)
			check := func(kind string, may bool, err error) {
				t.Helper()
				want := codes.OK
				if !may {
					want = codes.PermissionDenied
				}
				if got := status.Code(err); got != want {
					t.Errorf("%s: %v, want %v", kind, err, want)
				}
				if !may && !strings.Contains(err.Error(), c.client[0]) {
					t.Errorf("%s: %v does not name the client", kind, err)
				}
				if n := counted(t, reg, "rpc_server_calls_denied_total", kind); (n > 0) == may {
					t.Errorf("%s: counted %.0f times", kind, n)
				}
			}
			check("read", c.read, err)
			stream, err := client.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, testUpload)
			if err != nil {
				t.Fatal(err)
			}
			if err = stream.CloseSend(); err == nil {
				err = stream.RecvMsg(new(wrapperspb.StringValue))
			}
			check("write", c.write, err)
			if n := counted(t, reg, "rpc_server_unknown_calls_total", ""); (n == 2) != (c.clients.UnknownClients == unknownWarn) {
				t.Errorf("%.0f calls of unknown clients let through", n)
			}

			// Who may read alone has no stream by which to write.
			talk, err := client.NewStream(ctx, &talkDesc, testTalk)
			if err != nil {
				t.Fatal(err)
			}
			if err = talk.SendMsg(wrapperspb.String("a like")); err == nil || errors.Is(err, io.EOF) {
				err = talk.RecvMsg(new(wrapperspb.StringValue))
			}
			if denied := status.Code(err) == codes.PermissionDenied; denied == (c.read && c.write) || !denied && !errors.Is(err, io.EOF) {
				t.Errorf("a write of a stream that reads: %v", err)
			}
		})
	}
}

// TestNobodyAllowed: a replica that nobody could call does not start.
func TestNobodyAllowed(t *testing.T) {
	ca := newTestCA(t)
	files := ca.issue(t, t.TempDir(), "books.test", usages(x509.ExtKeyUsageServerAuth))
	start := func(clients TLSClients) error {
		s, err := NewServer(ServerConfig{Address: "127.0.0.1:0", HealthAddress: "127.0.0.1:0", TLS: files, Clients: clients, Telemetry: newTelemetry(t)})
		if err == nil {
			err = s.Close()
		}
		return err
	}
	if err := start(TLSClients{}); err == nil || !strings.Contains(err.Error(), "books.test") || !strings.Contains(err.Error(), "--tls-allowed-clients") {
		t.Errorf("got %v, want an error that names the certificate's names and the flag", err)
	}
	if got := shopNames(&x509.Certificate{DNSNames: []string{"recommendations", "xrecommendations.test", "recommendations-2.test"}}); !slices.Equal(got, []string{"marketplace"}) {
		t.Errorf("names of the shop: %q", got)
	}
}

func TestNamesOfClientsAreChecked(t *testing.T) {
	good := TLSClients{AllowedClients: []string{"a", "a.b.svc.cluster.local.", "spiffe://x/y"}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"", "*", "*.a.test", "10.0.0.1", "::1", "a b", "a..b", "https://x/y", "spiffe://", "spiffe://x", "spiffe://x/y?z", "a:1"} {
		if err := (TLSClients{AllowedToWrite: []string{name}}).Validate(); err == nil || !strings.Contains(err.Error(), "--tls-allowed-to-write") {
			t.Errorf("%q: %v, want an error that names --tls-allowed-to-write", name, err)
		}
	}
}

func TestLinesAboutOthersAreFew(t *testing.T) {
	var o occasionally
	n := 0
	for range 3 {
		for i := range 2 * maxKeys {
			if o.due(strings.Repeat("x", i)) {
				n++
			}
		}
	}
	if n != maxKeys {
		t.Errorf("%d lines, want %d", n, maxKeys)
	}
	for k := range o.last {
		o.last[k] = time.Now().Add(-lineInterval)
	}
	if !o.due("another") {
		t.Error("no line a minute later")
	}
}
