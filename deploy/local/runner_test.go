package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// runnerVariable makes the test binary a runner; its value is the layout.
const runnerVariable = "BOOKSTALL_TEST_LAYOUT"

// encodedLayout is the JSON form of a layout in that variable.
type encodedLayout struct {
	Bin, State, Shop, ShopAdmin, DNS, DNSName string
	Replicas                                  [][3]string
}

func runnerMain(encoded string) int {
	var e encodedLayout
	if err := json.Unmarshal([]byte(encoded), &e); err != nil {
		return fail(err)
	}
	l := layout{bin: e.Bin, state: e.State, shop: e.Shop, shopAdmin: e.ShopAdmin, dns: e.DNS, dnsName: e.DNSName}
	for _, r := range e.Replicas {
		l.replicas = append(l.replicas, replica{name: r[0], grpc: r[1], admin: r[2]})
	}
	return runLayout(context.Background(), l, os.Stdout, os.Stderr)
}

// runner is a runner in a process and a process group of its own.
type runner struct {
	cmd    *exec.Cmd
	layout layout
}

// startRunner starts a runner that writes to stdout.
func startRunner(t *testing.T, l layout, stdout io.Writer, env ...string) *runner {
	t.Helper()
	e := encodedLayout{Bin: l.bin, State: l.state, Shop: l.shop, ShopAdmin: l.shopAdmin, DNS: l.dns, DNSName: l.dnsName}
	for _, r := range l.replicas {
		e.Replicas = append(e.Replicas, [3]string{r.name, r.grpc, r.admin})
	}
	encoded, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(append(os.Environ(), env...), runnerVariable+"="+string(encoded))
	cmd.Stdout, cmd.Stderr = stdout, stdout
	cmd.SysProcAttr = processAttributes()
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return &runner{cmd: cmd, layout: l}
}

// signal signals the whole process group, as a terminal does.
func (r *runner) signal(sig syscall.Signal) { signalGroup(r.cmd, sig) }

// wait returns the exit code.
func (r *runner) wait(t *testing.T) int {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = r.cmd.Wait()
	}()
	within(t, done, "end of the runner")
	return r.cmd.ProcessState.ExitCode()
}

// children connects to every service. awaitEnd waits until all of them have ended: the
// kernel closes the connections of an ended process.
func (r *runner) children(t *testing.T) (awaitEnd func()) {
	t.Helper()
	var conns []net.Conn
	for _, addr := range r.layout.admins() {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conns = append(conns, conn)
	}
	return func() {
		t.Helper()
		for _, conn := range conns {
			if err := conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
				t.Fatal(err)
			}
			_, err := conn.Read(make([]byte, 1))
			if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the service at %s still runs: %v", conn.RemoteAddr(), err)
			}
		}
	}
}

func (l layout) admins() []string {
	addrs := []string{l.shopAdmin}
	for _, r := range l.replicas {
		addrs = append(addrs, r.admin)
	}
	return addrs
}

const open = `Bookstall is open: http://`

func TestInterruptOfTheGroup(t *testing.T) {
	var c console
	r := startRunner(t, testLayout(t), &c)
	c.await(t, 1, open)
	gone := r.children(t)
	began := time.Now()
	r.signal(syscall.SIGINT)
	if code := r.wait(t); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the shutdown took %v, want at most 5 s", took)
	}
	gone()
	if c.contains("got interrupt") {
		t.Errorf("the interrupt reached a service:\n%s", c.text())
	}
}

func TestStubbornServicesAreKilledInTime(t *testing.T) {
	var c console
	r := startRunner(t, testLayout(t), &c, fakeStubborn+"=1")
	c.await(t, 1, open)
	gone := r.children(t)
	began := time.Now()
	r.signal(syscall.SIGTERM)
	c.await(t, 1, `marketplace +\| got terminated`)
	r.signal(syscall.SIGTERM) // make forwards its own SIGTERM too
	if code := r.wait(t); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if took := time.Since(began); took > 5*time.Second || took < marketplaceGrace {
		t.Errorf("the shutdown took %v, want %v to 5 s", took, marketplaceGrace)
	}
	gone()
	c.await(t, 4, `stopped \(signal: killed\)`)
	c.await(t, 3, `replica-\d +\| got terminated`)
}

func TestSecondInterruptKillsAtOnce(t *testing.T) {
	var c console
	r := startRunner(t, testLayout(t), &c, fakeStubborn+"=1")
	c.await(t, 1, open)
	gone := r.children(t)
	began := time.Now()
	r.signal(syscall.SIGINT)
	c.await(t, 1, `marketplace +\| got terminated`)
	r.signal(syscall.SIGINT)
	if code := r.wait(t); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if took := time.Since(began); took > marketplaceGrace {
		t.Errorf("the shutdown took %v, want at most %v", took, marketplaceGrace)
	}
	gone()
}

func TestInterruptWhileTheOutputIsNotRead(t *testing.T) {
	r, _, gone := startChatty(t)
	began := time.Now()
	r.signal(syscall.SIGINT)
	if code := r.wait(t); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the shutdown took %v, want at most 5 s", took)
	}
	gone()
}

// As with make run | head.
func TestClosedOutputStopsTheShop(t *testing.T) {
	r, reader, gone := startChatty(t)
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	if code := r.wait(t); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	gone()
}

// startChatty starts a runner whose marketplace prints without end, and stops reading
// its output once the shop is open.
func startChatty(t *testing.T) (_ *runner, reader io.Closer, gone func()) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { read.Close() })
	r := startRunner(t, testLayout(t), write, fakeChatty+"=1")
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	if err := read.SetReadDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(read); ; {
		if !lines.Scan() {
			t.Fatalf("the shop did not open: %v", lines.Err())
		}
		if strings.Contains(lines.Text(), open) {
			return r, read, r.children(t)
		}
	}
}
