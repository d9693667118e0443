package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bookstall/internal/dnsserver"
)

// runInside runs the shop in this process until end is called. end returns the exit
// code.
func runInside(t *testing.T, l layout) (c *console, end func() int) {
	t.Helper()
	c = new(console)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	var code int
	go func() {
		defer close(done)
		code = runLayout(ctx, l, c, c)
	}()
	end = func() int {
		cancel()
		within(t, done, "end of the shop")
		return code
	}
	t.Cleanup(func() { end() })
	return c, end
}

func get(t *testing.T, url string) string {
	t.Helper()
	client := &http.Client{Timeout: limit, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// lookup returns the sorted answer of the DNS server at addr.
func lookup(t *testing.T, addr, name string) []string {
	t.Helper()
	res := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, addr)
	}}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	ips, err := res.LookupHost(ctx, name)
	var dnsErr *net.DNSError
	if err != nil && (!errors.As(err, &dnsErr) || !dnsErr.IsNotFound) {
		t.Fatal(err)
	}
	slices.Sort(ips)
	return ips
}

func TestShopOpensAndCloses(t *testing.T) {
	t.Setenv("MARKETPLACE_OF_THE_USER", "kept")
	l := testLayout(t)
	c, end := runInside(t, l)
	c.await(t, 1, open+l.shop)
	c.wantTable(t, l)

	if got := get(t, "http://"+l.shop); got != "a front page\n" {
		t.Errorf("front page %q, want a front page", got)
	}
	if d := cmp.Diff([]string{"127.0.0.2", "127.0.0.3", "127.0.0.4"}, lookup(t, l.dns, l.dnsName)); d != "" {
		t.Errorf("DNS (-want +got):\n%s", d)
	}
	var env []string
	if err := json.Unmarshal([]byte(get(t, "http://"+l.shopAdmin+"/environment")), &env); err != nil {
		t.Fatal(err)
	}
	target, err := l.target()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"MARKETPLACE_RECOMMENDATIONS_TARGET=" + target,
		"MARKETPLACE_COOKIE_KEY_FILE=" + l.keyFile(),
		"MARKETPLACE_BALANCE=true",
		"MARKETPLACE_OF_THE_USER=kept",
	} {
		if !slices.Contains(env, want) {
			t.Errorf("marketplace has no %s", want)
		}
	}

	if code := end(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	// marketplace started after all replicas were SERVING, and ended before any of them
	// got SIGTERM.
	started := c.index(t, "marketplace started")
	for _, r := range l.replicas {
		if c.index(t, r.name+" is SERVING") > started {
			t.Errorf("marketplace started before %s was SERVING", r.name)
		}
		for _, line := range c.lines()[:c.index(t, "marketplace stopped (exit status 0)")] {
			if strings.Contains(line, r.name) && strings.Contains(line, "got terminated") {
				t.Errorf("%s was stopped before marketplace", r.name)
			}
		}
		c.index(t, r.name+" stopped (exit status 0)")
	}
	if err := errorOf(check(append(l.shopAddrs(), l.replicaAddrs()...), map[string]string{})); err != nil {
		t.Errorf("an address is still in use: %v", err)
	}
	if t.Failed() {
		t.Log(c.text())
	}
}

// wantTable checks the lines before the one that the shop is open: a head, and what runs
// where, with the pids of the lines "started".
func (c *console) wantTable(t *testing.T, l layout) {
	t.Helper()
	pid := func(name string) string { return c.await(t, 1, name+` started \(pid (\d+)\)`)[1] }
	want := [][]string{
		{"program", "pid", "address", "admin", "address"},
		{ownName, strconv.Itoa(os.Getpid()), l.dns, "(DNS)"},
		{"marketplace", pid("marketplace"), "http://" + l.shop, "http://" + l.shopAdmin},
	}
	for _, r := range l.replicas {
		want = append(want, []string{r.name, pid(r.name), r.grpc, "http://" + r.admin})
	}
	end := c.index(t, open)
	var got [][]string
	for _, line := range c.lines()[end-len(want) : end] {
		got = append(got, strings.Fields(strings.TrimPrefix(line, ownName+"   | ")))
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("table (-want +got):\n%s", d)
	}
}

func errorOf(f findings) error {
	for _, err := range f.errs() {
		return err
	}
	return nil
}

func TestDeadReplicaIsRestarted(t *testing.T) {
	l := testLayout(t)
	c, end := runInside(t, l)
	c.await(t, 1, open)
	pid, err := strconv.Atoi(c.await(t, 1, `replica-2 started \(pid (\d+)\)`)[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	c.await(t, 1, `replica-2 exited \(signal: killed\); restarting in 500ms`)
	c.await(t, 1, `replica-2 is no longer SERVING: removed from DNS`)
	c.await(t, 2, `replica-2 started`)
	c.await(t, 2, `replica-2 is SERVING: added to DNS`)
	if got := len(lookup(t, l.dns, l.dnsName)); got != 3 {
		t.Errorf("%d replicas in DNS, want 3", got)
	}
	if code := end(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	for _, name := range []string{"replica-1", "replica-3", "marketplace"} {
		if n := strings.Count(c.text(), name+" started"); n != 1 {
			t.Errorf("%s started %d times, want once", name, n)
		}
	}
}

func TestShopStaysClosedUntilAllAreServing(t *testing.T) {
	t.Setenv(fakeSick, "replica-3")
	l := testLayout(t)
	c, end := runInside(t, l)
	c.await(t, 1, `replica-1 is SERVING`)
	c.await(t, 1, `replica-2 is SERVING`)
	c.await(t, 1, `replica-3 +\| up`)
	if d := cmp.Diff([]string{"127.0.0.2", "127.0.0.3"}, lookup(t, l.dns, l.dnsName)); d != "" {
		t.Errorf("DNS (-want +got):\n%s", d)
	}
	if code := end(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	c.await(t, 3, `replica-\d stopped \(exit status 0\)`)
	if c.contains("marketplace started") {
		t.Errorf("marketplace was started:\n%s", c.text())
	}
}

func TestFailureOfTheRunnerStartsNothing(t *testing.T) {
	taken := testLayout(t)
	server, err := dnsserver.Start(taken.dns)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	named := testLayout(t)
	named.replicas[2].grpc = "localhost:50051"
	for want, l := range map[string]layout{"DNS server": taken, "address of replica-3": named} {
		var c console
		out := newOutput(&c, l.names(), style{}, func() {})
		err := runShop(t.Context(), t.Context(), l, out)
		out.close()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one of %s", err, want)
		}
		if strings.Contains(c.text(), "(pid") {
			t.Errorf("something was started:\n%s", c.text())
		}
	}
}

func TestMembership(t *testing.T) {
	l := testLayout(t)
	server, err := dnsserver.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	out := newOutput(new(console), l.names(), style{}, func() {})
	defer out.close()
	r, err := newMembership(server, l, out)
	if err != nil {
		t.Fatal(err)
	}
	ip := func(i int) string { return netip.MustParseAddrPort(l.replicas[i].grpc).Addr().String() }
	for i, step := range []struct {
		name    string
		serving bool
		want    []string
	}{
		{"replica-1", false, nil},
		{"replica-3", true, []string{ip(2)}},
		{"replica-2", true, []string{ip(1), ip(2)}},
		{"replica-2", false, []string{ip(2)}},
		{"replica-1", true, []string{ip(0), ip(2)}},
		{"stranger", true, []string{ip(0), ip(2)}},
		{"replica-2", true, []string{ip(0), ip(1), ip(2)}},
		{"replica-2", true, []string{ip(0), ip(1), ip(2)}},
		{"replica-3", false, []string{ip(0), ip(1)}},
		{"replica-3", true, []string{ip(0), ip(1), ip(2)}},
	} {
		r.set(step.name, step.serving)
		if d := cmp.Diff(step.want, lookup(t, server.Addr(), l.dnsName)); d != "" {
			t.Errorf("step %d (-want +got):\n%s", i, d)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if !r.await(ctx) {
		t.Error("await reports failure although all are SERVING")
	}
}
