package fleet

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// needNamespaces skips the test on a machine without network namespaces.
func needNamespaces(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIP (-short): makes a network namespace")
	}
	if err := CheckNamespaces(); errors.Is(err, ErrNoNamespaces) {
		t.Skipf("SKIP (counted): %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
}

// TestAnIsolatedReplica cuts a replica off. Its callers see silence, and no error.
func TestAnIsolatedReplica(t *testing.T) {
	needNamespaces(t)
	bin := build(t)
	f, err := Start(Config{Bin: bin, Replicas: 1})
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	defer func() {
		if !closed {
			_ = f.Close()
		}
	}()
	r, n, err := f.AddIsolatedReplica()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.FinishedCalls(); err != nil {
		t.Errorf("admin port of the isolated replica: %v", err)
	}
	open, err := net.Dial("tcp", strings.TrimPrefix(r.Admin, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()

	if err := n.Drop(); err != nil {
		t.Fatal(err)
	}
	_ = open.SetDeadline(time.Now().Add(500 * time.Millisecond))
	_, writeErr := open.Write([]byte("x"))
	_, readErr := open.Read(make([]byte, 1))
	if writeErr != nil || !errors.Is(readErr, os.ErrDeadlineExceeded) {
		t.Errorf("a connection across the hole: %v, %v; want silence", writeErr, readErr)
	}
	if c, err := net.DialTimeout("tcp", r.GRPC, 500*time.Millisecond); !isTimeout(err) {
		t.Errorf("a call across the hole: %v, %v; want a timeout", c, err)
	}
	if err := n.Pass(); err != nil {
		t.Fatal(err)
	}
	c, err := net.DialTimeout("tcp", r.GRPC, 5*time.Second)
	if err != nil {
		t.Fatalf("connection after Pass: %v", err)
	}
	c.Close()
	if _, err := r.FinishedCalls(); err != nil {
		t.Errorf("admin port after Pass: %v", err)
	}

	closed = true
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	left(t)
}

func isTimeout(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) && netErr.Timeout()
}

// TestWhatAKilledProcessLeftIsRemoved makes the namespace of a process that has ended,
// with a program that still runs in it. Namespaces of running processes stay.
func TestWhatAKilledProcessLeftIsRemoved(t *testing.T) {
	needNamespaces(t)
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	stale, err := makeNamespace(gone.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	inside := exec.Command(stale.inside()[0], append(stale.inside()[1:], "cat")...)
	input, err := inside.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer input.Close()
	echo, err := inside.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := inside.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(input, "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(echo, make([]byte, 1)); err != nil { // it runs in the namespace
		t.Fatal(err)
	}
	ours, err := newNamespace()
	if err != nil {
		t.Fatal(err)
	}
	second, err := newNamespace()
	if err != nil {
		t.Fatal(err)
	}
	if ours.name == second.name || ours.IP == second.IP || ours.wire == second.wire {
		t.Errorf("namespaces %+v and %+v, want different names, addresses and wires", ours, second)
	}
	if err := inside.Wait(); err == nil {
		t.Error("the program in the namespace was not killed")
	}
	for _, file := range []string{ours.name, second.name} {
		if _, err := os.Stat(filepath.Join(namedIn, file)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(namedIn, stale.name)); !os.IsNotExist(err) {
		t.Errorf("namespace %s of an ended process: %v, want it removed", stale.name, err)
	}
	if err := errors.Join(ours.close(), second.close()); err != nil {
		t.Error(err)
	}
	left(t)
}

// left fails the test if a namespace or a wire of this process is left.
func left(t *testing.T) {
	t.Helper()
	for n := range mostNamespaces {
		d := describe(os.Getpid(), n)
		if _, err := os.Stat(filepath.Join(namedIn, d.name)); err == nil {
			t.Errorf("namespace %s is left", d.name)
		}
		if _, err := net.InterfaceByName(d.wire); err == nil {
			t.Errorf("wire %s is left", d.wire)
		}
	}
}
