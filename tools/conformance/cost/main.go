// Command cost measures what package balance costs beside grpc-go's own round_robin: CPU a
// call, calls a second, and the size of a program. Three processes serve; for each round
// one process after the other is the client.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"bookstall/internal/dnsserver"
	"bookstall/internal/lab/report"
	"bookstall/internal/test/conformance"
)

const (
	servers = 3
	callers = 32
	turns   = 50 // of each client
	slice   = 400 * time.Millisecond
	size    = 100 // bytes of a request and of its answer
	name    = "echo.cost.test."
	method  = "/" + conformance.Service + "/Call"
)

// figures are what one client measured.
type figures struct {
	Calls   int64         `json:"calls"`
	CPU     time.Duration `json:"cpu"` // user and system time, in nanoseconds
	Elapsed time.Duration `json:"elapsed"`
}

func (f figures) cpuPerCall() float64 { return float64(f.CPU.Nanoseconds()) / 1e3 / float64(f.Calls) }

func (f figures) callsPerSecond() float64 { return float64(f.Calls) / f.Elapsed.Seconds() }

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "cost:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("cost", flag.ContinueOnError)
	sizes := flags.String("sizes", "", "folder of the built programs balance and stock")
	write := flags.Bool("write", false, "write the table into docs/conformance.md")
	serve := flags.String("serve", "", "be a server at this address, until standard input ends")
	subject := flags.String("client", "", "be a client: balance or grpc-go")
	target := flags.String("target", "", "dial target of -client")
	profile := flags.String("profile", "", "file for a CPU profile of -client")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case *serve != "":
		return beServer(*serve, stdout)
	case *subject != "":
		return beClient(*subject, *target, *profile, stdout)
	}
	text, err := compare(*sizes)
	if err != nil {
		return err
	}
	fmt.Fprint(stdout, text)
	if *write {
		return report.Rewrite("docs/conformance.md", "make bench-balance", text)
	}
	return nil
}

// compare runs the servers and the clients, and returns the table.
func compare(sizes string) (string, error) {
	dns, err := dnsserver.Start("127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer dns.Close()
	port := "0"
	var ips []netip.Addr
	for i := range servers {
		ip := netip.AddrFrom4([4]byte{127, 0, 12, byte(i + 1)})
		ips = append(ips, ip)
		s, address, err := startServer(net.JoinHostPort(ip.String(), port))
		if err != nil {
			return "", err
		}
		defer s.close()
		if _, port, err = net.SplitHostPort(address); err != nil {
			return "", err
		}
	}
	dns.SetA(name, ips...)
	target := fmt.Sprintf("dns://%s/%s:%s", dns.Addr(), name, port)

	names := []string{"grpc-go", "balance"}
	clients := map[string]*client{}
	for _, n := range names {
		c, err := startClient(n, target)
		if err != nil {
			return "", err
		}
		defer c.close()
		if _, err := c.turn(); err != nil { // warms up
			return "", err
		}
		clients[n] = c
	}
	var cpu, rate pairs
	for range turns {
		by := map[string]figures{}
		for _, n := range names {
			f, err := clients[n].turn()
			if err != nil {
				return "", err
			}
			by[n] = f
		}
		slices.Reverse(names) // neither always follows the other
		cpu.add(by["grpc-go"].cpuPerCall(), by["balance"].cpuPerCall())
		rate.add(by["grpc-go"].callsPerSecond(), by["balance"].callsPerSecond())
	}
	t := report.Table{Head: []string{"", "grpc-go, round_robin", "balance", "difference", "limit"}}
	add := func(what, format, limit string, p pairs) {
		t.Add(what, fmt.Sprintf(format, median(p.stock)), fmt.Sprintf(format, median(p.ours)), fmt.Sprintf("%+.1f %%", 100*(median(p.ratio)-1)), limit)
	}
	add("CPU time of the client a call", "%.1f µs", "+5 %", cpu)
	add("calls a second", "%.0f", "-5 %", rate)
	if sizes != "" {
		stock, err := megabytes(filepath.Join(sizes, "stock"))
		if err != nil {
			return "", err
		}
		ours, err := megabytes(filepath.Join(sizes, "balance"))
		if err != nil {
			return "", err
		}
		var size pairs
		size.add(stock, ours)
		add("size of a client's program", "%.2f MB", "+1 MB", size)
	}
	return fmt.Sprintf("%s\n`make bench-balance`: %d callers, %d bytes, %d server processes, %d turns of %v each; medians, the difference of those of adjacent turns; %s.\n",
		t.Markdown(), callers, size, servers, turns, slice, report.Machine()), nil
}

// pairs are figures of adjacent turns, which the machine treats most alike.
type pairs struct{ stock, ours, ratio []float64 }

func (p *pairs) add(stock, ours float64) {
	p.stock, p.ours, p.ratio = append(p.stock, stock), append(p.ours, ours), append(p.ratio, ours/stock)
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

func megabytes(file string) (float64, error) {
	info, err := os.Stat(file)
	if err != nil {
		return 0, err
	}
	return float64(info.Size()) / 1e6, nil
}

// process is a server or a client in a process of its own.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func start(args ...string) (*process, error) {
	cmd := exec.Command(os.Args[0], args...) //nolint:gosec // this program
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &process{cmd, in, bufio.NewReader(out)}, cmd.Start()
}

// close ends the process by the end of its input.
func (p *process) close() {
	_ = p.in.Close()
	_ = p.cmd.Wait() // what it had to say, it has said
}

func startServer(address string) (_ *process, bound string, err error) {
	p, err := start("-serve", address)
	if err != nil {
		return nil, "", err
	}
	line, err := p.out.ReadString('\n')
	return p, strings.TrimSpace(line), err
}

type client struct{ *process }

func startClient(subject, target string) (*client, error) {
	p, err := start("-client", subject, "-target", target)
	return &client{p}, err
}

// turn has the client make calls for a slice of time.
func (c *client) turn() (f figures, err error) {
	if _, err := fmt.Fprintln(c.in); err != nil {
		return f, err
	}
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return f, fmt.Errorf("client: %w", err)
	}
	return f, json.Unmarshal(line, &f)
}

func beServer(address string, stdout io.Writer) error {
	lis, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	srv := grpc.NewServer()
	h := health.NewServer()
	h.SetServingStatus(conformance.Service, healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(srv, h)
	srv.RegisterService(&grpc.ServiceDesc{ServiceName: conformance.Service, HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{{
		MethodName: "Call",
		Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			in := new(wrapperspb.BytesValue)
			return in, decode(in)
		},
	}}}, nil)
	fmt.Fprintln(stdout, lis.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		srv.Stop()
	}()
	return srv.Serve(lis)
}

// beClient makes calls for a slice of time at each line of standard input.
func beClient(subject, target, profile string, stdout io.Writer) error {
	subjects := map[string]conformance.Subject{"balance": conformance.Ours(), "grpc-go": conformance.Stock()}
	s, ok := subjects[subject]
	if !ok {
		return fmt.Errorf("no subject %q", subject)
	}
	conn, closeAll, err := s.Dial(target)
	if err != nil {
		return err
	}
	defer closeAll()
	if profile != "" {
		file, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		f, err := makeCalls(conn)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(stdout).Encode(f); err != nil {
			return err
		}
	}
	return nil
}

// makeCalls makes calls from all callers for a slice of time.
func makeCalls(conn *grpc.ClientConn) (figures, error) {
	var calls atomic.Int64
	began, cpu := time.Now(), cpuTime()
	var callersAtWork errgroup.Group
	for range callers {
		callersAtWork.Go(func() error {
			request, answer := wrapperspb.Bytes(make([]byte, size)), new(wrapperspb.BytesValue)
			for time.Since(began) < slice {
				if err := call(conn, request, answer); err != nil {
					return err
				}
				calls.Add(1)
			}
			return nil
		})
	}
	err := callersAtWork.Wait()
	return figures{Calls: calls.Load(), CPU: cpuTime() - cpu, Elapsed: time.Since(began)}, err
}

func call(conn *grpc.ClientConn, request, answer *wrapperspb.BytesValue) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return conn.Invoke(ctx, method, request, answer)
}

// cpuTime returns the time that this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // fails for wrong arguments only
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
