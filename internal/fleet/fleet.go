// Package fleet runs the built programs as processes on loopback addresses of
// their own, behind a DNS server under the caller's control: what the figures
// and the tests of the whole system stand on.
//
// Only tests and programs that measure import it. It must not import a package
// of either service: it knows them by their flags, their log and their ports.
package fleet

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"bookstall/internal/dnsserver"
)

// Name is what the replicas are found by.
const Name = "recommendations.bookstall.test."

// Config sets up a Fleet.
type Config struct {
	Bin      string    // folder of the built programs
	Replicas int       // to start and to publish
	Log      io.Writer // of all processes; may be nil
	// MarketplaceArgs are added to the flags of marketplace.
	MarketplaceArgs []string
	// ReplicaArgs are added to the flags of each replica.
	ReplicaArgs []string
}

// Fleet is one marketplace and its replicas.
type Fleet struct {
	DNS         *dnsserver.Server
	Marketplace *Process
	URL         string // of the shop
	Admin       string // URL of the shop's admin port

	cfg      Config
	port     uint16
	dir      string
	mu       sync.Mutex
	replicas []*Replica
}

// Replica is one process of recommendations.
type Replica struct {
	*Process

	IP    netip.Addr
	Admin string // URL of its admin port
}

// Start runs cfg.Replicas replicas, publishes them once they serve, and runs a
// marketplace that has the catalogue. On an error nothing is left running.
func Start(cfg Config) (_ *Fleet, err error) {
	if cfg.Log == nil {
		cfg.Log = io.Discard
	}
	f := &Fleet{cfg: cfg}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	if f.dir, err = os.MkdirTemp("", "bookstall-fleet-"); err != nil {
		return nil, err
	}
	if f.DNS, err = dnsserver.Start("127.0.0.1:0"); err != nil {
		return nil, err
	}
	if f.port, err = freePort(address(0)); err != nil {
		return nil, err
	}
	for range cfg.Replicas {
		if _, err := f.AddReplica(); err != nil {
			return nil, err
		}
	}
	f.Publish(f.replicas...)
	return f, f.startMarketplace()
}

func (f *Fleet) startMarketplace() error {
	args := append([]string{
		"--http-address=127.0.0.1:0", "--admin-address=127.0.0.1:0", "--name=marketplace",
		fmt.Sprintf("--recommendations-target=dns://%s/%s:%d", f.DNS.Addr(), Name, f.port),
		"--catalog-file=" + filepath.Join(f.dir, "catalog.json"),
		"--drain-delay=0s",
	}, f.cfg.MarketplaceArgs...)
	p, line, err := startProcess(filepath.Join(f.cfg.Bin, "marketplace"), args, f.cfg.Log)
	if err != nil {
		return err
	}
	f.Marketplace = p
	f.URL, f.Admin = "http://"+line.HTTPAddress, "http://"+line.AdminAddress
	return p.waitReady(f.Admin)
}

// AddReplica runs one more replica on an address of its own and returns when it
// is ready. It is not in DNS yet.
func (f *Fleet) AddReplica() (*Replica, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.replicas)
	ip := address(n)
	args := append([]string{
		fmt.Sprintf("--grpc-address=%s:%d", ip, f.port),
		fmt.Sprintf("--admin-address=%s:0", ip),
		fmt.Sprintf("--name=replica-%d", n+1),
		"--drain-delay=1s", "--drain-timeout=5s",
	}, f.cfg.ReplicaArgs...)
	p, line, err := startProcess(filepath.Join(f.cfg.Bin, "recommendations"), args, f.cfg.Log)
	if err != nil {
		return nil, err
	}
	r := &Replica{Process: p, IP: ip, Admin: "http://" + line.AdminAddress}
	f.replicas = append(f.replicas, r)
	return r, p.waitReady(r.Admin)
}

// Replicas returns all that were started, those that ended included.
func (f *Fleet) Replicas() []*Replica {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.replicas)
}

// Publish puts exactly these replicas in DNS.
func (f *Fleet) Publish(replicas ...*Replica) {
	ips := make([]netip.Addr, len(replicas))
	for i, r := range replicas {
		ips[i] = r.IP
	}
	f.DNS.SetA(Name, ips...)
}

// Close stops all processes and the DNS server.
func (f *Fleet) Close() error {
	var errs []error
	if f.Marketplace != nil {
		errs = append(errs, f.Marketplace.Stop(5*time.Second))
	}
	var stopping sync.WaitGroup
	for _, r := range f.Replicas() {
		stopping.Go(func() { _ = r.Stop(5 * time.Second) }) // it may have been killed before
	}
	stopping.Wait()
	if f.DNS != nil {
		errs = append(errs, f.DNS.Close())
	}
	if f.dir != "" {
		errs = append(errs, os.RemoveAll(f.dir))
	}
	return errors.Join(errs...)
}

// address returns the n-th loopback address of this process: two fleets on one
// machine do not meet.
func address(n int) netip.Addr {
	pid := os.Getpid()
	return netip.AddrFrom4([4]byte{127, byte(1 + pid>>8%250), byte(pid), byte(n + 1)})
}

// freePort returns a port that is free on ip at this moment.
func freePort(ip netip.Addr) (uint16, error) {
	l, err := net.Listen("tcp", netip.AddrPortFrom(ip, 0).String())
	if err != nil {
		return 0, fmt.Errorf("this system cannot bind %s; the fleet needs all of 127.0.0.0/8: %w", ip, err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort().Port(), nil
}
