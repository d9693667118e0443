// Package pgserver runs a real PostgreSQL for tests and drills: a new cluster in a
// temporary folder, on a free port. It ends with the process that started it, however
// that ends.
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

// ErrMissing means that there is no PostgreSQL on this machine, or no user to run it.
var ErrMissing = errors.New("no PostgreSQL")

// Server is a PostgreSQL server. Run, Stop, Kill, Pause, Resume and Close must be
// called by one goroutine.
type Server struct {
	dir  string
	bin  string
	port int
	as   *syscall.Credential // nil for the user of this process

	guard      *exec.Cmd
	guardInput io.Closer
	poolers    []*Pooler

	mu        sync.Mutex
	databases int
	process   *exec.Cmd
	paused    []int // processes
	output    bytes.Buffer
}

// Check returns an error if PostgreSQL cannot be run.
//
// Error: ErrMissing, with what is missing.
func Check() error {
	_, _, err := find()
	return err
}

// Start makes a cluster and runs its server. Close removes both.
//
// Error: ErrMissing.
func Start() (*Server, error) {
	return startWith(func(s *Server) *exec.Cmd {
		return s.command("initdb", "-D", s.dir, "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C")
	})
}

// Standby starts a standby of a running server, which then acknowledges no commit before the
// standby has it. The standby follows until Promote.
func (s *Server) Standby() (*Server, error) {
	standby, err := startWith(func(n *Server) *exec.Cmd {
		return s.command("pg_basebackup", "-D", n.dir, "--write-recovery-conf", "--checkpoint=fast", "--no-sync")
	})
	if err != nil {
		return nil, err
	}
	for _, statement := range []string{"ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"} {
		if err := s.Exec(statement); err != nil {
			standby.Close()
			return nil, err
		}
	}
	return standby, nil
}

// Promote makes a standby a server of its own.
func (s *Server) Promote() error { return s.Exec("SELECT pg_promote()") }

// Exec executes a statement as the superuser, outside of the databases of the tests.
func (s *Server) Exec(statement string) error {
	if out, err := s.command("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-c", statement).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", statement, err, out)
	}
	return nil
}

// Put writes a file into the folder of the cluster, for the server alone to read, and returns
// its name. The server notices changes of its own files after SELECT pg_reload_conf().
func (s *Server) Put(name string, content []byte) (path string, err error) {
	path = filepath.Join(s.dir, name)
	return path, s.write(path, content)
}

func (s *Server) write(path string, content []byte) error {
	err := os.WriteFile(path, content, 0o600)
	if err == nil && s.as != nil {
		err = os.Chown(path, int(s.as.Uid), int(s.as.Gid))
	}
	return err
}

// Host returns the address and port of the server.
func (s *Server) Host() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// startWith makes a cluster by a command and runs its server.
func startWith(create func(*Server) *exec.Cmd) (_ *Server, err error) {
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
	cmd := create(s)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", filepath.Base(cmd.Path), err, out)
	}
	return s, s.Run()
}

// watch starts the guard: a shell that ends the server and its poolers and removes the folder
// at the end of its input, which comes with Close or with the end of this process.
func (s *Server) watch(dir string) error {
	const script = `trap '' INT TERM
		cat >/dev/null
		for pid in $(cat pooler*.pid 2>/dev/null); do
			ps -o args= -p "$pid" | grep -qF "$0" && kill -KILL "$pid"
		done
		pid=$(head -n 1 data/postmaster.pid 2>/dev/null) &&
			ps -o args= -p "$pid" | grep -qF "$0" && kill -QUIT "$pid" && kill -CONT "$pid" &&
			while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
		cd / && rm -rf "$0"`
	cmd := exec.Command("sh", "-c", script, dir) //nolint:gosec // a folder made by Start
	cmd.Dir = dir
	// Its own process group: Ctrl-C must not reach it.
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
	for _, p := range s.poolers {
		p.close()
	}
	s.Kill()
	_ = s.guardInput.Close()
	_ = s.guard.Wait() // its status is that of rm -rf
}

// find returns the folder of PostgreSQL's programs and the user to run them as, nil
// for the user of this process.
func find() (bin string, as *syscall.Credential, err error) {
	if bin, err = binaries(); err != nil {
		return "", nil, err
	}
	if os.Getuid() == 0 { // initdb refuses root
		as, err = postgresUser()
	}
	return bin, as, err
}

// binaries returns the folder of initdb: the newest of Debian's or Homebrew's, or the
// one in PATH.
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
		if u, err := user.Lookup(name); err == nil {
			uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
			gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err1, err2)
		}
	}
	return nil, fmt.Errorf("%w: it refuses to run as root, and there is no user postgres or nobody", ErrMissing)
}

// freePort returns a port that is free now.
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
	// Its own process group: Ctrl-C must not reach it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Setpgid: true}
	return cmd
}

// startTimeout bounds a start of the server.
const startTimeout = 30 * time.Second

// Run starts the server after Stop or Kill and waits until it accepts connections. The
// server does not wait for the disk: its processes may crash, but not the machine.
func (s *Server) Run() error {
	cmd := s.command("postgres", "-D", s.dir, "-p", strconv.Itoa(s.port), "-k", "",
		"-c", "listen_addresses=127.0.0.1", "-c", "max_connections=60", "-c", "shared_buffers=32MB", "-c", "fsync=off")
	s.output.Reset()
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
			return fmt.Errorf("PostgreSQL does not start within %v (startTimeout): %w: %s; its last lines: %s", startTimeout, err, bytes.TrimSpace(out), lastLines(s.output.String()))
		}
	}
}

// lastLines returns the end of a log, on one line.
func lastLines(log string) string {
	const most = 3
	lines := strings.Split(strings.TrimSpace(log), "\n")
	return strings.Join(lines[max(0, len(lines)-most):], " | ")
}

// Stop ends the server in order, at once: it closes all connections.
func (s *Server) Stop() { s.end(syscall.SIGINT) }

// Kill ends the server as a crash does.
func (s *Server) Kill() { s.end(syscall.SIGQUIT) }

func (s *Server) end(how syscall.Signal) {
	if s.process == nil {
		return
	}
	s.Resume() // a paused process does not receive the signal
	_ = s.process.Process.Signal(how)
	_ = s.process.Wait() // how it ended does not matter
	s.process = nil
}

// Pause stops all processes of the server by SIGSTOP. Its connections stay open, the
// system accepts new ones, and all of them are silent.
func (s *Server) Pause() error {
	first := s.process.Process.Pid
	if err := s.halt(first); err != nil { // it starts no new processes from here on
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

// Resume continues a paused server.
func (s *Server) Resume() {
	for _, pid := range s.paused {
		_ = syscall.Kill(pid, syscall.SIGCONT) // it may have ended before it was paused
	}
	s.paused = nil
}

// CopyOf makes a copy of a database and returns its URL.
func (s *Server) CopyOf(url string) (string, error) {
	dump, err := s.command("pg_dump", "--format=custom", url).Output()
	if err != nil {
		return "", fmt.Errorf("pg_dump: %w", err)
	}
	copied, err := s.NewDatabase()
	if err != nil {
		return "", err
	}
	restore := s.command("pg_restore", "--exit-on-error", "--dbname="+copied)
	restore.Stdin = bytes.NewReader(dump)
	if out, err := restore.CombinedOutput(); err != nil {
		return "", fmt.Errorf("pg_restore: %w\n%s", err, out)
	}
	return copied, nil
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

// Dir returns the folder that holds everything of the server.
func (s *Server) Dir() string { return filepath.Dir(s.dir) }
