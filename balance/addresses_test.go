package balance

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"bookstall/balance/internal/testnet"
)

const testName = "books.test."

func startDNS(t *testing.T) *testnet.DNS {
	t.Helper()
	dns, err := testnet.StartDNS()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dns.Close)
	return dns
}

func TestAddresses(t *testing.T) {
	dns := startDNS(t)
	dns.Set(testName, "127.0.9.2", "127.0.9.1")
	dns.Set("both.test.", "127.0.9.2", "::1", "127.0.9.1")
	dns.Set("empty.test.")
	at := "dns://" + dns.Addr() + "/"
	for target, test := range map[string]struct {
		want []string
		err  error
	}{
		at + testName + ":8081":    {want: []string{"127.0.9.1:8081", "127.0.9.2:8081"}},
		at + "both.test.:8081":     {want: []string{"127.0.9.1:8081", "127.0.9.2:8081", "[::1]:8081"}},
		"dns:///127.0.0.7:80":      {want: []string{"127.0.0.7:80"}},
		"dns:///[::1]:80":          {want: []string{"[::1]:80"}},
		at + "nobody.test.:8081":   {err: ErrNoAddresses},
		at + "empty.test.:8081":    {err: ErrNoAddresses},
		"books:1":                  {err: ErrTarget},
		"dns:///books.test.:65536": {err: ErrTarget},
	} {
		list, err := Addresses(t.Context(), target)
		var got []string
		for _, a := range list {
			got = append(got, a.String())
		}
		if !slices.Equal(got, test.want) || !errors.Is(err, test.err) {
			t.Errorf("%s: %v, %v; want %v, %v", target, got, err, test.want, test.err)
		}
	}
}

// The order in which a server lists addresses changes in each answer; the list does not.
func TestALookupSortsAddresses(t *testing.T) {
	dns := startDNS(t)
	dns.Set(testName, "127.0.9.3", "127.0.9.1", "127.0.9.2")
	lookup := newLookup(dns.Addr())
	for range 4 {
		got, err := lookup(t.Context(), testName)
		if err != nil || len(got) != 3 || got[0].String() != "127.0.9.1" || got[2].String() != "127.0.9.3" {
			t.Errorf("%v, %v; want three addresses in order", got, err)
		}
	}
}

// What DNS says of a name is told from its not answering: the first has a bound, the second
// has none.
func TestLookupErrors(t *testing.T) {
	dns := startDNS(t)
	lookup := newLookup(dns.Addr())
	for name, test := range map[string]struct {
		answer testnet.Answer
		empty  bool
	}{
		"NXDOMAIN":     {testnet.NXDomain, true},
		"empty answer": {testnet.Empty, true},
		"SERVFAIL":     {testnet.ServFail, false},
		"silence":      {testnet.Silence, false},
	} {
		dns.Reply(test.answer)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		ips, err := lookup(ctx, testName)
		cancel()
		if err == nil || errors.Is(err, ErrNoAddresses) != test.empty {
			t.Errorf("%s: %v, %v; want an error, ErrNoAddresses: %t", name, ips, err, test.empty)
		}
		var dnsErr *net.DNSError
		if !test.empty && errors.As(err, &dnsErr) && dnsErr.Server != dns.Addr() {
			t.Errorf("%s: %v, want it to name the server %s", name, err, dns.Addr())
		}
	}
}
