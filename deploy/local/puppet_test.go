package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// puppetMain is a process under the control of the test that listens at addr. It runs
// commands line by line and reports each SIGTERM, which it otherwise ignores. The
// connection ends with the process, so a test can wait for that too.
func puppetMain(addr string) int {
	terms := make(chan os.Signal, 1)
	signal.Notify(terms, syscall.SIGTERM)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Fprintln(conn, "pid", os.Getpid())
	go func() {
		for range terms {
			fmt.Fprintln(conn, "TERM")
		}
	}()
	commands := bufio.NewScanner(conn)
	for commands.Scan() {
		verb, rest, _ := strings.Cut(commands.Text(), " ")
		switch verb {
		case "exit":
			code, err := strconv.Atoi(rest)
			if err != nil {
				return fail(err)
			}
			return code
		case "print":
			fmt.Println(rest)
		case "complain":
			fmt.Fprintln(os.Stderr, rest)
		case "spawn": // starts a child that shares the output
			child := exec.Command(os.Args[0], addr)
			child.Stdout = os.Stdout
			if err := child.Start(); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		case "variable":
			fmt.Fprintln(conn, os.Getenv(rest))
		}
	}
	return 0
}

// puppeteer is the test's end of the connections to puppets.
type puppeteer struct {
	t    *testing.T
	ln   *net.TCPListener
	path string
}

type puppet struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Scanner
}

func newPuppeteer(t *testing.T) *puppeteer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return &puppeteer{t: t, ln: ln.(*net.TCPListener), path: binary(t, "puppet") + "/puppet"}
}

func (p *puppeteer) program(name string) program {
	return program{name: name, path: p.path, args: []string{p.ln.Addr().String()}, address: "on strings", admin: "nowhere"}
}

// next waits for a puppet to start.
func (p *puppeteer) next() *puppet {
	p.t.Helper()
	if err := p.ln.SetDeadline(time.Now().Add(limit)); err != nil {
		p.t.Fatal(err)
	}
	conn, err := p.ln.Accept()
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		p.t.Fatal(err)
	}
	pup := &puppet{t: p.t, conn: conn, in: bufio.NewScanner(conn)}
	if got := pup.hear(); !strings.HasPrefix(got, "pid ") {
		p.t.Fatalf("first line of a puppet is %q, want its pid", got)
	}
	return pup
}

func (p *puppet) tell(command string) {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.conn, command); err != nil {
		p.t.Fatal(err)
	}
}

// hear returns the next line, "" when the process has ended.
func (p *puppet) hear() string {
	p.t.Helper()
	if p.in.Scan() {
		return p.in.Text()
	}
	if err := p.in.Err(); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		p.t.Fatal(err)
	}
	return ""
}
