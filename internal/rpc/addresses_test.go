package rpc

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bookstall/internal/dnsserver"
)

func TestAddresses(t *testing.T) {
	dns, err := dnsserver.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer dns.Close()
	dns.SetA(testName, netip.MustParseAddr("127.0.9.2"), netip.MustParseAddr("127.0.9.1"))
	for target, want := range map[string][]string{
		"dns://" + dns.Addr() + "/" + testName + ":8081": {"127.0.9.1:8081", "127.0.9.2:8081"},
		"dns:///127.0.0.7:80":                            {"127.0.0.7:80"},
		"dns:///[::1]:80":                                {"[::1]:80"},
		"dns://" + dns.Addr() + "/nobody.test.:8081":     nil,
		"books:1": nil,
	} {
		list, err := Addresses(t.Context(), target)
		var got []string
		for _, a := range list {
			got = append(got, a.String())
		}
		if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (want != nil) {
			t.Errorf("%s: %v, %v; want %v", target, got, err, want)
		}
	}
}

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
