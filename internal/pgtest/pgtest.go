// Package pgtest starts a real PostgreSQL for tests: a cluster of its own in a
// temporary folder, on a port of its own, which ends with the test, or with the
// process of the test, however that ends.
//
// It is for tests; no program must import it, and it must not import anything of
// this project.
package pgtest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Server is a running PostgreSQL.
type Server struct {
	t    testing.TB
	dir  string
	bin  string
	port int
	as   *syscall.Credential // nil for the user of the test

	mu        sync.Mutex
	databases int
	process   *exec.Cmd
	output    bytes.Buffer
}

// Start starts a server, which is stopped at the end of the test. Where there is
// no PostgreSQL, the test is skipped.
func Start(tb testing.TB) *Server {
	tb.Helper()
	bin, err := binaries()
	if err != nil {
		tb.Skipf("SKIP (counted): %v", err)
	}
	dir, err := os.MkdirTemp("", "pgtest-") //nolint:usetesting // TempDir is closed to other users
	if err != nil {
		tb.Fatal(err)
	}
	s := &Server{t: tb, dir: filepath.Join(dir, "data"), bin: bin, port: freePort(tb)}
	s.guard(dir)
	if os.Getuid() == 0 { // initdb refuses root
		open := os.FileMode(0o755)
		if s.as, err = postgresUser(); err != nil {
			tb.Skipf("SKIP (counted): %v", err)
		}
		if err := errors.Join(os.Chown(dir, int(s.as.Uid), int(s.as.Gid)), os.Chmod(dir, open)); err != nil {
			tb.Fatal(err)
		}
	}
	if out, err := s.command("initdb", "-D", s.dir, "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C").CombinedOutput(); err != nil {
		tb.Fatalf("initdb: %v\n%s", err, out)
	}
	s.Run()
	tb.Cleanup(s.Kill)
	return s
}

// guard removes the folder and what runs in it once the test is over. It is a
// process of its own, which sees by the end of its input that the test is gone, so
// that nothing is left of one that was killed, too.
func (s *Server) guard(dir string) {
	s.t.Helper()
	const script = `trap '' INT TERM
		cat >/dev/null
		pid=$(head -n 1 data/postmaster.pid 2>/dev/null) &&
			ps -o args= -p "$pid" | grep -qF "$0" && kill -QUIT "$pid" &&
			while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
		cd / && rm -rf "$0"`
	cmd := exec.Command("sh", "-c", script, dir) //nolint:gosec // a folder made above
	cmd.Dir = dir
	input, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		_ = os.RemoveAll(dir)
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = input.Close()
		_ = cmd.Wait() // rm -rf has done what it can
	})
}

// binaries finds the folder of initdb: the newest of Debian's or of Homebrew's, or
// the one in PATH.
func binaries() (string, error) {
	for _, place := range []string{"/usr/lib/postgresql/*/bin/initdb", "/opt/homebrew/opt/postgresql@*/bin/initdb"} {
		if found, _ := filepath.Glob(place); len(found) > 0 {
			return filepath.Dir(found[len(found)-1]), nil
		}
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", errors.New("PostgreSQL is not installed")
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", err
	}
	return filepath.Dir(path), nil
}

func postgresUser() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("PostgreSQL refuses root, and there is no other user to run it as")
}

// freePort returns a port that nobody has just now.
func freePort(tb testing.TB) int {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...) //nolint:gosec // a test's own
	cmd.Dir = filepath.Dir(s.dir)
	cmd.Env = append(os.Environ(), "PGUSER=postgres", "PGHOST=127.0.0.1", "PGPORT="+strconv.Itoa(s.port), "LC_ALL=C")
	// In a group of its own: who interrupts the test means the test.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Setpgid: true}
	return cmd
}

// Run starts the server after Stop or Kill and waits until it takes connections.
func (s *Server) Run() {
	s.t.Helper()
	cmd := s.command("postgres", "-D", s.dir, "-p", strconv.Itoa(s.port), "-k", "",
		"-c", "listen_addresses=127.0.0.1", "-c", "max_connections=60", "-c", "shared_buffers=32MB")
	cmd.Stdout, cmd.Stderr = &s.output, &s.output
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.process = cmd
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		out, err := s.command("psql", "-X", "-q", "-d", "postgres", "-c", "SELECT 1").CombinedOutput()
		if err == nil {
			return
		}
		if time.Since(began) > 30*time.Second {
			s.Kill()
			s.t.Fatalf("PostgreSQL does not start: %s\n%s", out, s.output.String())
		}
	}
}

// Stop ends the server at once but in order: connections are cut.
func (s *Server) Stop() { s.end(syscall.SIGINT) }

// Kill ends the server as a crash does.
func (s *Server) Kill() { s.end(syscall.SIGQUIT) }

func (s *Server) end(how syscall.Signal) {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Signal(how)
	_ = s.process.Wait() // how it ended is not the test's matter
	s.process = nil
}

// Restart ends the server as a crash does and starts it again.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	s.Run()
}

// NewDatabase makes an empty database and returns its URL.
func (s *Server) NewDatabase() string {
	s.t.Helper()
	s.mu.Lock()
	s.databases++
	name := fmt.Sprintf("test%d", s.databases)
	s.mu.Unlock()
	if out, err := s.command("createdb", name).CombinedOutput(); err != nil {
		s.t.Fatalf("createdb: %v\n%s", err, out)
	}
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s?sslmode=disable", s.port, name)
}
