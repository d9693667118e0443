// Package fleet runs the built programs as processes on their own loopback
// addresses, behind a DNS server that the caller controls. Drills, benchmarks and
// tests of the whole system use it. It knows the programs by their flags, their logs
// and their ports alone.
package fleet

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"bookstall/internal/dnsserver"
	"bookstall/internal/pki"
)

const day = 24 * time.Hour

// Name is the DNS name of the replicas.
const Name = "recommendations.bookstall.test."

// Config sets up a Fleet.
type Config struct {
	Bin      string    // folder of the built programs
	Replicas int       // how many to start and publish
	Log      io.Writer // receives the logs of all processes; may be nil
	// Switched puts the marketplaces behind a Switch.
	Switched bool
	// MarketplaceArgs are added to the flags of each marketplace.
	MarketplaceArgs []string
	// ReplicaArgs are added to the flags of each replica.
	ReplicaArgs []string
	// MarketplaceEnv and ReplicaEnv are added to their environments, as NAME=VALUE.
	MarketplaceEnv, ReplicaEnv []string
	// Tutorial enables the tutorials' examples in all programs.
	Tutorial bool
	// TLS has the programs speak mutual TLS, with the certificates of Fleet.Certs.
	TLS bool
	// CertLife is how long those certificates are valid; 30 days if 0.
	CertLife time.Duration
}

// Fleet is one marketplace, or several behind a switch, with the replicas that they
// share.
type Fleet struct {
	DNS         *dnsserver.Server
	Marketplace *Process
	URL         string  // URL of the shop
	Admin       string  // URL of the first marketplace's admin port
	Switch      *Switch // nil unless Config.Switched
	Certs       pki.Folder

	cfg      Config
	port     uint16
	restPort uint16 // port of the tutorials' REST example
	dir      string

	addresses, shops, named atomic.Int64 // addresses taken, marketplaces and replicas named so far

	mu           sync.Mutex
	marketplaces []*Marketplace
	replicas     []*Replica
	closers      []func() error // close everything but the processes
}

// Marketplace is one process of marketplace.
type Marketplace struct {
	*Process

	address string // where it serves the shop
}

// Replica is one process of recommendations.
type Replica struct {
	*Process

	IP   netip.Addr
	GRPC string // address of its gRPC server
}

// Start runs cfg.Replicas replicas, publishes them once they are ready, and runs a
// marketplace. It returns when that is ready, which means that it has the catalogue.
// After an error nothing is left running.
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
	f.atClose(func() error { return os.RemoveAll(f.dir) })
	if f.DNS, err = dnsserver.Start("127.0.0.1:0"); err != nil {
		return nil, err
	}
	f.atClose(f.DNS.Close)
	if f.port, err = freePort(address(0)); err != nil {
		return nil, err
	}
	if cfg.TLS {
		f.Certs = pki.Folder{
			Path: filepath.Join(f.dir, "certs"), Programs: pki.Programs(strings.TrimSuffix(strings.TrimPrefix(Name, "recommendations."), ".")),
			Life: cmp.Or(cfg.CertLife, 30*day), CALife: 365 * day,
		}
		if _, err := f.Certs.Create(); err != nil {
			return nil, err
		}
	}
	if cfg.Tutorial {
		if f.restPort, err = freePort(address(0)); err != nil {
			return nil, err
		}
	}
	for range cfg.Replicas {
		if _, err := f.AddReplica(); err != nil {
			return nil, err
		}
	}
	f.Publish(f.replicas...)
	if cfg.Switched {
		if f.Switch, err = newSwitch(); err != nil {
			return nil, err
		}
	}
	m, err := f.AddMarketplace()
	if err != nil {
		return nil, err
	}
	f.Marketplace, f.URL, f.Admin = m.Process, m.URL(), m.Admin
	if f.Switch != nil {
		f.URL = f.Switch.URL
	}
	return f, nil
}

// cookieKey is the same for all marketplaces, so that each recognises the readers of
// the others.
const cookieKey = "6b6579206f66206120666c65657420666f72207465737473206f6e6c79212121"

// URL returns where a marketplace serves the shop.
func (m *Marketplace) URL() string { return "http://" + m.address }

// AddMarketplace runs one more marketplace, behind the switch if there is one, and
// returns when it is ready. The flags are added to those of all marketplaces.
func (f *Fleet) AddMarketplace(flags ...string) (*Marketplace, error) {
	name := "marketplace"
	if n := f.shops.Add(1); n > 1 {
		name = fmt.Sprintf("marketplace-%d", n)
	}
	grpcTarget, restTarget := f.Targets()
	args := append([]string{
		"--http-address=127.0.0.1:0", "--admin-address=127.0.0.1:0",
		"--recommendations-target=" + grpcTarget,
		"--catalog-file=" + filepath.Join(f.dir, name+".json"), "--cookie-key=" + cookieKey,
		"--drain-delay=0s", "--api-open",
	}, f.cfg.MarketplaceArgs...)
	if f.cfg.Tutorial {
		args = append(args, "--tutorial", "--tutorial-rest-target="+restTarget)
	}
	args = slices.Concat(args, f.tlsArgs("marketplace"), flags)
	p, line, err := startProcess(name, []string{filepath.Join(f.cfg.Bin, "marketplace")}, args, f.cfg.MarketplaceEnv, f.cfg.Log)
	if err != nil {
		return nil, err
	}
	m := &Marketplace{p, line.HTTPAddress}
	f.mu.Lock()
	f.marketplaces = append(f.marketplaces, m)
	f.mu.Unlock()
	if f.Switch != nil {
		f.Switch.add(m)
	}
	return m, p.waitReady()
}

// Marketplaces returns all marketplaces that were started, also those that ended.
func (f *Fleet) Marketplaces() []*Marketplace {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.marketplaces)
}

// AddReplica runs one more replica on its own address and returns when it is ready.
// It is not in DNS yet. The flags are added to those of all replicas.
func (f *Fleet) AddReplica(flags ...string) (*Replica, error) {
	r, err := f.startReplica(f.FreeAddress().Addr(), nil, flags...)
	if err != nil {
		return nil, err
	}
	return r, r.waitReady()
}

// RestartReplica runs a replica that has ended again, at its addresses, and returns when it
// is ready.
func (f *Fleet) RestartReplica(ended *Replica) (*Replica, error) {
	r, err := f.startReplica(ended.IP, nil, "--admin-address="+strings.TrimPrefix(ended.Admin, "http://"))
	if err != nil {
		return nil, err
	}
	return r, r.waitReady()
}

// StartReplica runs one more replica as AddReplica does, and returns once it listens,
// before it is ready.
func (f *Fleet) StartReplica() (*Replica, error) {
	return f.startReplica(f.FreeAddress().Addr(), nil)
}

// startReplica runs one more replica on an address. The command by, which may be
// empty, comes before the program and must exec it.
func (f *Fleet) startReplica(ip netip.Addr, by []string, flags ...string) (*Replica, error) {
	name := fmt.Sprintf("replica-%d", f.named.Add(1))
	args := append([]string{
		fmt.Sprintf("--grpc-address=%s:%d", ip, f.port),
		fmt.Sprintf("--admin-address=%s:0", ip),
		"--drain-delay=1s", "--drain-timeout=5s",
	}, f.cfg.ReplicaArgs...)
	if f.cfg.Tutorial {
		args = append(args, "--tutorial", fmt.Sprintf("--tutorial-rest-address=%s:%d", ip, f.restPort))
	}
	if f.cfg.TLS {
		args = append(args, fmt.Sprintf("--health-address=%s:0", ip))
	}
	args = slices.Concat(args, f.tlsArgs("recommendations"), flags)
	p, line, err := startProcess(name, append(slices.Clone(by), filepath.Join(f.cfg.Bin, "recommendations")), args, f.cfg.ReplicaEnv, f.cfg.Log)
	if err != nil {
		return nil, err
	}
	r := &Replica{p, ip, line.GRPCAddress}
	f.mu.Lock()
	f.replicas = append(f.replicas, r)
	f.mu.Unlock()
	return r, nil
}

// tlsArgs returns the flags of a program with TLS.
func (f *Fleet) tlsArgs(program string) []string {
	if !f.cfg.TLS {
		return nil
	}
	cert, key, ca := f.Certs.Files(program)
	return []string{"--tls-cert-file=" + cert, "--tls-key-file=" + key, "--tls-ca-file=" + ca}
}

// Targets returns the targets of the replicas: over gRPC, and of the tutorials' REST
// example.
func (f *Fleet) Targets() (grpc, rest string) {
	at := func(port uint16) string { return fmt.Sprintf("dns://%s/%s:%d", f.DNS.Addr(), Name, port) }
	return at(f.port), at(f.restPort)
}

// Replicas returns all replicas that were started, also those that ended.
func (f *Fleet) Replicas() []*Replica {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.replicas)
}

// Publish publishes exactly these replicas in DNS.
func (f *Fleet) Publish(replicas ...*Replica) {
	ips := make([]netip.Addr, len(replicas))
	for i, r := range replicas {
		ips[i] = r.IP
	}
	f.DNS.SetA(Name, ips...)
}

// PublishAddresses publishes exactly these addresses in DNS, whatever listens there.
func (f *Fleet) PublishAddresses(ips ...netip.Addr) { f.DNS.SetA(Name, ips...) }

// FreeAddress returns an address where nothing listens, with the port of the
// replicas.
func (f *Fleet) FreeAddress() netip.AddrPort {
	return netip.AddrPortFrom(address(int(f.addresses.Add(1)-1)), f.port)
}

// Link is a relay to one replica, on its own address.
type Link struct {
	*Relay

	IP netip.Addr
}

// AddRelay makes a relay to a server that is not of the fleet, such as a database. Each
// connection goes to the first address of pick that accepts it; without one it ends.
func (f *Fleet) AddRelay(pick func() []string) (*Relay, error) {
	relay, err := startRelay("127.0.0.1:0", pick)
	if err != nil {
		return nil, err
	}
	f.atClose(relay.Close)
	return relay, nil
}

// AddLink makes a link to r, which can be slowed and cut. It is not in DNS yet.
func (f *Fleet) AddLink(r *Replica) (*Link, error) {
	at := f.FreeAddress()
	behind := []string{netip.AddrPortFrom(r.IP, f.port).String()}
	relay, err := startRelay(at.String(), func() []string { return behind })
	if err != nil {
		return nil, err
	}
	f.atClose(relay.Close)
	return &Link{relay, at.Addr()}, nil
}

// Close stops all processes, relays and the DNS server.
func (f *Fleet) Close() error {
	var errs []error
	if f.Switch != nil {
		errs = append(errs, f.Switch.Close())
	}
	if f.Marketplace != nil {
		err := f.Marketplace.Stop(5 * time.Second)
		if f.Switch == nil { // otherwise it may have been killed
			errs = append(errs, err)
		}
	}
	var stopping sync.WaitGroup
	for _, m := range f.Marketplaces() {
		stopping.Go(func() { _ = m.Stop(5 * time.Second) })
	}
	for _, r := range f.Replicas() {
		stopping.Go(func() { _ = r.Stop(5 * time.Second) }) // it may have been killed
	}
	stopping.Wait()
	for _, do := range slices.Backward(f.closers) {
		errs = append(errs, do())
	}
	return errors.Join(errs...)
}

func (f *Fleet) atClose(do func() error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closers = append(f.closers, do)
}

// address returns the n-th loopback address of this process. The addresses depend on
// the process, so that two fleets on one machine do not meet.
func address(n int) netip.Addr {
	pid := os.Getpid()
	return netip.AddrFrom4([4]byte{127, byte(1 + pid>>8%250), byte(pid), byte(n + 1)})
}

// freePort returns a port that is free on ip now.
func freePort(ip netip.Addr) (uint16, error) {
	l, err := net.Listen("tcp", netip.AddrPortFrom(ip, 0).String())
	if err != nil {
		return 0, fmt.Errorf("this system cannot bind %s; the fleet needs all of 127.0.0.0/8: %w", ip, err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort().Port(), nil
}
