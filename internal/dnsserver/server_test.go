package dnsserver_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"bookstall/internal/dnsserver"
)

const name = "recommendations.bookstall.test."

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T) *dnsserver.Server {
	t.Helper()
	s, err := dnsserver.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// lookup looks up host at s with the standard resolver over network ("udp" lets the
// resolver choose). It closes the connections when ctx ends, because the resolver
// otherwise reads on until its own timeouts.
func lookup(ctx context.Context, s *dnsserver.Server, network, host string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	res := &net.Resolver{
		PreferGo: true,
		Dial: func(_ context.Context, proposed, _ string) (net.Conn, error) {
			if network == "tcp" {
				proposed = "tcp"
			}
			var d net.Dialer
			conn, err := d.DialContext(ctx, proposed, s.Addr())
			if err == nil {
				context.AfterFunc(ctx, func() { conn.Close() })
			}
			return conn, err
		},
	}
	ips, err := res.LookupNetIP(ctx, "ip", host)
	var got []string
	for _, ip := range ips {
		got = append(got, ip.Unmap().String())
	}
	return got, err
}

func addrs(ss ...string) []netip.Addr {
	var out []netip.Addr
	for _, s := range ss {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

func TestAnswersTheAddressesSetLast(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			s := start(t)
			s.SetA(name, addrs("127.0.0.2", "127.0.0.3")...)
			s.SetA("Recommendations.Bookstall.Test", addrs("127.0.0.3", "::ffff:127.0.0.4", "::1")...)

			got, err := lookup(t.Context(), s, network, name)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([]string{"127.0.0.3", "127.0.0.4"}, got); d != "" {
				t.Errorf("addresses (-want +got):\n%s", d)
			}
			if got := s.Queries("RECOMMENDATIONS.bookstall.test"); got != 1 {
				t.Errorf("Queries = %d after one lookup", got)
			}
			if got := s.Queries("other.test"); got != 0 {
				t.Errorf("Queries of a name that was never queried = %d", got)
			}
		})
	}
}

func TestIPv6AddressesAreBesideTheOthers(t *testing.T) {
	s := start(t)
	s.SetAAAA(name, addrs("::1", "fd00::2", "127.0.0.2")...)
	got, err := lookup(t.Context(), s, "udp", name)
	if d := cmp.Diff([]string{"::1", "fd00::2"}, got); d != "" || err != nil {
		t.Errorf("%v, addresses (-want +got):\n%s", err, d)
	}
	if resp := ask(t, s, name, dns.TypeA); resp.Rcode != dns.RcodeSuccess || len(resp.Answer) != 0 {
		t.Errorf("answer to A: %v, want no records and no error", resp)
	}
	s.SetA(name, addrs("127.0.0.2")...)
	if got, err := lookup(t.Context(), s, "udp", name); err != nil || len(got) != 3 {
		t.Errorf("with an IPv4 address: %v, %v, want three", got, err)
	}
	s.SetBehavior(dnsserver.NXDomain)
	if resp := ask(t, s, name, dns.TypeAAAA); resp.Rcode != dns.RcodeNameError || len(resp.Answer) != 0 {
		t.Errorf("NXDomain answers AAAA with %v", resp)
	}
}

func TestNoAddressesIsNXDomain(t *testing.T) {
	s := start(t)
	s.SetA(name, addrs("127.0.0.2")...)
	s.SetA(name)
	for _, host := range []string{name, "never.set.test."} {
		_, err := lookup(t.Context(), s, "udp", host)
		var dnsErr *net.DNSError
		if !errors.As(err, &dnsErr) || !dnsErr.IsNotFound {
			t.Errorf("lookup of %s: %v, want not found", host, err)
		}
		if got := ask(t, s, host, dns.TypeA).Rcode; got != dns.RcodeNameError {
			t.Errorf("rcode for %s = %s", host, dns.RcodeToString[got])
		}
	}
}

func TestOtherTypesOfAnExistingNameAreEmpty(t *testing.T) {
	s := start(t)
	s.SetA(name, addrs("127.0.0.2")...)
	for _, qtype := range []uint16{dns.TypeAAAA, dns.TypeTXT, dns.TypeSRV} {
		resp := ask(t, s, name, qtype)
		if resp.Rcode != dns.RcodeSuccess || len(resp.Answer) != 0 || !resp.Authoritative {
			t.Errorf("%s: %v", dns.TypeToString[qtype], resp)
		}
	}
	if got := s.Queries(name); got != 2 {
		t.Errorf("Queries = %d, want 2, because AAAA is not counted", got)
	}
}

func TestTTL(t *testing.T) {
	s := start(t)
	s.SetA(name, addrs("127.0.0.2")...)
	ttl := func() uint32 { return ask(t, s, name, dns.TypeA).Answer[0].Header().Ttl }
	if got := ttl(); got != 1 {
		t.Errorf("TTL unset = %d, want 1", got)
	}
	for set, want := range map[time.Duration]uint32{0: 0, 1500 * time.Millisecond: 2, time.Minute: 60, -1: 0} {
		s.SetTTL(set)
		if got := ttl(); got != want {
			t.Errorf("TTL set to %v = %d, want %d", set, got, want)
		}
	}
}

func TestBehaviors(t *testing.T) {
	for _, tc := range []struct {
		name     string
		behavior dnsserver.Behavior
		check    func(*net.DNSError) bool
		rcode    int
	}{
		{"NXDomain", dnsserver.NXDomain, func(e *net.DNSError) bool { return e.IsNotFound }, dns.RcodeNameError},
		{"Empty", dnsserver.Empty, func(e *net.DNSError) bool { return e.IsNotFound }, dns.RcodeSuccess},
		{"ServFail", dnsserver.ServFail, func(e *net.DNSError) bool { return e.IsTemporary && !e.IsNotFound }, dns.RcodeServerFailure},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t)
			s.SetA(name, addrs("127.0.0.2")...)
			s.SetA("other.test", addrs("127.0.0.9")...)
			s.SetNameBehavior(name, tc.behavior)

			_, err := lookup(t.Context(), s, "udp", name)
			var dnsErr *net.DNSError
			if !errors.As(err, &dnsErr) || !tc.check(dnsErr) {
				t.Errorf("lookup: %#v", err)
			}
			if resp := ask(t, s, name, dns.TypeA); resp.Rcode != tc.rcode || len(resp.Answer) != 0 {
				t.Errorf("answer: %v, want rcode %d and no records", resp, tc.rcode)
			}
			if _, err := lookup(t.Context(), s, "udp", "other.test."); err != nil {
				t.Errorf("lookup of another name: %v, want no error", err)
			}

			s.SetNameBehavior(name, dnsserver.Normal)
			if got, err := lookup(t.Context(), s, "udp", name); err != nil || len(got) != 1 {
				t.Errorf("back to normal: %v, %v", got, err)
			}
			s.SetBehavior(tc.behavior)
			if _, err := lookup(t.Context(), s, "udp", "other.test."); err == nil {
				t.Error("another name has an answer, want the behaviour of SetBehavior")
			}
		})
	}
}

func TestDroppedTimesOut(t *testing.T) {
	s := start(t)
	s.SetA(name, addrs("127.0.0.2")...)
	s.SetBehavior(dnsserver.Dropped)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := lookup(ctx, s, "udp", name)
	var dnsErr *net.DNSError
	if !errors.As(err, &dnsErr) || !dnsErr.IsTimeout {
		t.Errorf("lookup: %v, want a timeout", err)
	}
	if got := s.Queries(name); got == 0 {
		t.Error("a dropped query is not counted")
	}
}

func TestRotatedGivesANewOrderInEveryAnswer(t *testing.T) {
	s := start(t)
	s.SetA(name, addrs("127.0.0.2", "127.0.0.3", "127.0.0.4")...)
	s.SetBehavior(dnsserver.Rotated)
	var got []string
	for range 4 {
		resp := ask(t, s, name, dns.TypeA)
		if len(resp.Answer) != 3 {
			t.Fatalf("answer: %v, want 3 records", resp)
		}
		got = append(got, resp.Answer[0].(*dns.A).A.String())
	}
	if d := cmp.Diff([]string{"127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.2"}, got); d != "" {
		t.Errorf("first addresses (-want +got):\n%s", d)
	}
}

func TestManyAddressesComeOverTCP(t *testing.T) {
	s := start(t)
	var many []netip.Addr
	for i := range 300 {
		many = append(many, netip.AddrFrom4([4]byte{127, 0, byte(i / 256), byte(i % 256)}))
	}
	s.SetA(name, many...)
	if resp := ask(t, s, name, dns.TypeA); !resp.Truncated {
		t.Error("300 addresses fit in a datagram of 512 bytes")
	}
	got, err := lookup(t.Context(), s, "udp", name)
	if err != nil || len(got) != len(many) {
		t.Errorf("%d addresses, %v", len(got), err)
	}
}

// The library passes on a message that is only a header and claims one question.
func TestHeaderWithoutQuestion(t *testing.T) {
	s := start(t)
	conn, err := net.Dial("udp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte{0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 512)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	var resp dns.Msg
	if err := resp.Unpack(buf[:n]); err != nil {
		t.Fatal(err)
	}
	if resp.Rcode != dns.RcodeFormatError || resp.Id != 7 {
		t.Errorf("answer: %v, want FORMERR with id 7", &resp)
	}
}

// multicastDaemon binds a UDP port on all addresses whose TCP port is free.
func multicastDaemon(t *testing.T) net.PacketConn {
	t.Helper()
	lc := net.ListenConfig{Control: dnsserver.ReuseAddr}
	for range 100 {
		mdns, err := lc.ListenPacket(t.Context(), "udp4", "0.0.0.0:0")
		if err != nil {
			t.Fatal(err)
		}
		twin, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", mdns.LocalAddr().(*net.UDPAddr).Port))
		if err == nil {
			twin.Close()
			return mdns
		}
		mdns.Close()
	}
	t.Fatal("no port is free for both UDP and TCP")
	return nil
}

// On most desktops a daemon binds port 5353 on all addresses.
func TestBesideAMulticastDaemon(t *testing.T) {
	mdns := multicastDaemon(t)
	defer mdns.Close()
	s, err := dnsserver.Start(fmt.Sprintf("127.0.0.1:%d", mdns.LocalAddr().(*net.UDPAddr).Port))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.SetA(name, addrs("127.0.0.2")...)
	if got, err := lookup(t.Context(), s, "udp", name); err != nil || len(got) != 1 {
		t.Errorf("lookup: %v, %v", got, err)
	}
}

func TestTwoServersDoNotShareAnAddress(t *testing.T) {
	s := start(t)
	other, err := dnsserver.Start(s.Addr())
	if err == nil {
		other.Close()
		t.Fatal("a second server was started on the address of the first")
	}
}

func TestCloseWithAnOpenConnection(t *testing.T) {
	s := start(t)
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second close: %v, want no error", err)
	}
}

func TestConcurrentUse(t *testing.T) {
	s := start(t)
	s.SetA(name, addrs("127.0.0.2")...)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 50 {
				s.SetA(name, netip.AddrFrom4([4]byte{127, 0, byte(i), byte(j)}))
				s.SetBehavior(dnsserver.Behavior(j % 2))
				s.SetTTL(time.Duration(j) * time.Second)
				if got, err := lookup(t.Context(), s, "udp", name); err != nil || len(got) != 1 {
					t.Errorf("lookup: %v, %v", got, err)
				}
				s.Queries(name)
			}
		})
	}
	wg.Wait()
	if got := s.Queries(name); got < 200 {
		t.Errorf("Queries = %d, want at least 200", got)
	}
}

// ask sends one query over UDP and returns the answer.
func ask(t *testing.T, s *dnsserver.Server, host string, qtype uint16) *dns.Msg {
	t.Helper()
	req := new(dns.Msg)
	req.SetQuestion(host, qtype)
	c := dns.Client{Timeout: 5 * time.Second}
	resp, _, err := c.ExchangeContext(t.Context(), req, s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	return resp
}
