// Package interop runs the Python clients and servers of the gRPC tutorials in tests.
// protoc generates their messages and stubs at test time, from proto files as the
// tutorials have them.
package interop

import (
	"bufio"
	"embed"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

//go:embed tutorials/*.proto python/*.py
var files embed.FS

// Python is an interpreter with a folder of scripts, messages and stubs, which is
// removed at the end of the test.
type Python struct {
	tb          testing.TB
	interpreter string
	dir         string
}

// NewPython generates the messages and stubs. The test is skipped if Python has no
// gRPC or protoc is missing.
func NewPython(tb testing.TB) *Python {
	tb.Helper()
	if testing.Short() {
		tb.Skip("SKIP (-short): runs Python")
	}
	interpreter, err := findInterpreter()
	if err != nil {
		tb.Skipf("SKIP (counted): %v; install python3-grpcio, python3-protobuf, protobuf-compiler and protobuf-compiler-grpc", err)
	}
	p := &Python{tb, interpreter, tb.TempDir()}
	protos := p.unpack("tutorials")
	p.unpack("python")
	plugin, err := exec.LookPath("grpc_python_plugin")
	if err != nil {
		tb.Skipf("SKIP (counted): %v; install protobuf-compiler-grpc", err)
	}
	protoc, err := exec.LookPath("protoc")
	if err != nil {
		tb.Skipf("SKIP (counted): %v; install protobuf-compiler", err)
	}
	args := append([]string{
		"-I" + p.dir, "--python_out=" + p.dir, "--grpc_python_out=" + p.dir, "--plugin=protoc-gen-grpc_python=" + plugin,
	}, protos...)
	if out, err := exec.CommandContext(tb.Context(), protoc, args...).CombinedOutput(); err != nil { //nolint:gosec // the system's compiler, on our own files
		tb.Fatalf("protoc: %v\n%s", err, out)
	}
	return p
}

// findInterpreter returns the first Python that has gRPC: the system's packages are
// those of the system's Python, and PATH may name another one first.
func findInterpreter() (string, error) {
	tried := "no Python"
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if exec.Command(path, "-c", "import grpc, google.protobuf").Run() == nil { //nolint:gosec // the system's interpreter
			return path, nil
		}
		tried = "no Python with gRPC"
	}
	return "", errors.New(tried)
}

// unpack writes the embedded files of a folder into p.dir and returns their names.
func (p *Python) unpack(folder string) (names []string) {
	p.tb.Helper()
	entries, err := fs.ReadDir(files, folder)
	if err != nil {
		p.tb.Fatal(err)
	}
	for _, e := range entries {
		content, err := fs.ReadFile(files, folder+"/"+e.Name())
		if err == nil {
			err = os.WriteFile(filepath.Join(p.dir, e.Name()), content, 0o600)
		}
		if err != nil {
			p.tb.Fatal(err)
		}
		names = append(names, e.Name())
	}
	return names
}

// Call runs client.py for one call and returns what it prints.
func (p *Python) Call(tb testing.TB, address, call, argument string) string {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), p.interpreter, "client.py", address, call, argument) //nolint:gosec // our own script
	cmd.Dir = p.dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("%s: %v\n%s", call, err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// Server is a running server.py.
type Server struct {
	Address string

	lines chan string // of standard output
}

const maxLines = 1000 // that a test may leave unread

// Serve starts server.py and stops it at the end of the test.
func (p *Python) Serve(tb testing.TB) *Server {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), p.interpreter, "server.py") //nolint:gosec // our own script
	cmd.Dir = p.dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	s := &Server{lines: make(chan string, maxLines)}
	go func() {
		defer close(s.lines)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			s.lines <- lines.Text()
		}
	}()
	tb.Cleanup(func() {
		_ = stdin.Close() // the server exits when its input ends
		for range s.lines {
		}
		_ = cmd.Wait() // the exit status does not matter
	})
	port, ok := strings.CutPrefix(<-s.lines, "port ")
	if !ok {
		_ = cmd.Wait()
		tb.Fatalf("server.py did not start: %s", stderr.String())
	}
	s.Address = "127.0.0.1:" + port
	return s
}

// Line returns the next line that the server prints.
func (s *Server) Line() string { return <-s.lines }
