// Package pgserver runs a real PostgreSQL: a cluster of its own in a temporary
// folder, on a port of its own, which ends with the process that started it,
// however that ends.
//
// It is for tests and drills; no service must import it, and it must not import
// anything of this project.
package pgserver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ErrMissing says that there is no PostgreSQL that could be run.
var ErrMissing = errors.New("no PostgreSQL")

// Server is a PostgreSQL. Run, Stop, Kill, Pause, Resume and Close are for one
// goroutine.
type Server struct {
	dir  string
	bin  string
	port int
	as   *syscall.Credential // nil for the user of this process

	guard      *exec.Cmd
	guardInput io.Closer

	mu        sync.Mutex
	databases int
	process   *exec.Cmd
	paused    []int // processes
	output    bytes.Buffer
}

// Check says whether PostgreSQL can be run.
//
// Error: ErrMissing, with what is missing.
func Check() error {
	_, _, err := find()
	return err
}

// Start makes a cluster and runs its server. Close removes both.
//
// Error: ErrMissing.
func Start() (_ *Server, err error) {
	bin, as, err := find()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pgserver-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: filepath.Join(dir, "data"), bin: bin, port: port, as: as}
	if err := s.watch(dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if as != nil {
		open := os.FileMode(0o755)
		if err := errors.Join(os.Chown(dir, int(as.Uid), int(as.Gid)), os.Chmod(dir, open)); err != nil {
			return nil, err
		}
	}
	if out, err := s.command("initdb", "-D", s.dir, "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return s, s.Run()
}

// watch starts the guard, which removes the folder and what runs in it once it is
// told to, or this process is gone: it sees either by the end of its input.
func (s *Server) watch(dir string) error {
	const script = `trap '' INT TERM
		cat >/dev/null
		pid=$(head -n 1 data/postmaster.pid 2>/dev/null) &&
			ps -o args= -p "$pid" | grep -qF "$0" && kill -QUIT "$pid" && kill -CONT "$pid" &&
			while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
		cd / && rm -rf "$0"`
	cmd := exec.Command("sh", "-c", script, dir) //nolint:gosec // a folder made by Start
	cmd.Dir = dir
	// In a group of its own: who interrupts this process means this process.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	input, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	s.guard, s.guardInput = cmd, input
	return err
}

// Close ends the server and removes the cluster.
func (s *Server) Close() {
	s.Kill()
	_ = s.guardInput.Close()
	_ = s.guard.Wait() // rm -rf has done what it can
}

// find returns the folder of PostgreSQL's programs and the user to run them as,
// nil for that of this process.
func find() (bin string, as *syscall.Credential, err error) {
	if bin, err = binaries(); err != nil {
		return "", nil, err
	}
	if os.Getuid() == 0 { // initdb refuses root
		as, err = postgresUser()
	}
	return bin, as, err
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
		return "", fmt.Errorf("%w: it is not installed", ErrMissing)
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
	return nil, fmt.Errorf("%w: it refuses root, and there is no other user to run it as", ErrMissing)
}

// freePort returns a port that nobody has just now.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...) //nolint:gosec // programs of PostgreSQL
	cmd.Dir = filepath.Dir(s.dir)
	cmd.Env = append(os.Environ(), "PGUSER=postgres", "PGHOST=127.0.0.1", "PGPORT="+strconv.Itoa(s.port), "LC_ALL=C")
	// In a group of its own: who interrupts this process means this process.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Setpgid: true}
	return cmd
}

// startTimeout bounds a start of the server.
const startTimeout = 30 * time.Second

// Run starts the server after Stop or Kill and waits until it takes connections.
func (s *Server) Run() error {
	cmd := s.command("postgres", "-D", s.dir, "-p", strconv.Itoa(s.port), "-k", "",
		"-c", "listen_addresses=127.0.0.1", "-c", "max_connections=60", "-c", "shared_buffers=32MB")
	cmd.Stdout, cmd.Stderr = &s.output, &s.output
	if err := cmd.Start(); err != nil {
		return err
	}
	s.process = cmd
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		out, err := s.command("psql", "-X", "-q", "-d", "postgres", "-c", "SELECT 1").CombinedOutput()
		if err == nil {
			return nil
		}
		if time.Since(began) > startTimeout {
			s.Kill()
			return fmt.Errorf("PostgreSQL does not start: %w: %s\n%s", err, out, s.output.String())
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
	s.Resume() // a paused process would not hear of it
	_ = s.process.Process.Signal(how)
	_ = s.process.Wait() // how it ended is nobody's matter
	s.process = nil
}

// Pause stops all processes of the server where they stand: its connections stay,
// new ones are taken by the system, and all are silent.
func (s *Server) Pause() error {
	first := s.process.Process.Pid
	if err := s.halt(first); err != nil { // it makes no new ones from here on
		return err
	}
	out, err := exec.Command("pgrep", "-P", strconv.Itoa(first)).Output() //nolint:gosec // a number
	if err != nil {
		return fmt.Errorf("pgrep: %w", err)
	}
	for text := range strings.FieldsSeq(string(out)) {
		pid, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("pgrep: %w", err)
		}
		if err := s.halt(pid); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

func (s *Server) halt(pid int) error {
	s.paused = append(s.paused, pid)
	return syscall.Kill(pid, syscall.SIGSTOP)
}

// Resume lets a paused server go on.
func (s *Server) Resume() {
	for _, pid := range s.paused {
		_ = syscall.Kill(pid, syscall.SIGCONT) // it may have ended before it was paused
	}
	s.paused = nil
}

// NewDatabase makes an empty database and returns its URL.
func (s *Server) NewDatabase() (string, error) {
	s.mu.Lock()
	s.databases++
	name := fmt.Sprintf("test%d", s.databases)
	s.mu.Unlock()
	if out, err := s.command("createdb", name).CombinedOutput(); err != nil {
		return "", fmt.Errorf("createdb: %w\n%s", err, out)
	}
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s?sslmode=disable", s.port, name), nil
}

// Dir is the folder of all that there is of the server.
func (s *Server) Dir() string { return filepath.Dir(s.dir) }
