package dnsserver

import (
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Server answers DNS queries until Close. Its methods are safe for concurrent use; a change
// applies from the next query on.
type Server struct {
	addr string
	ends []*dns.Server // TCP and UDP
	done sync.WaitGroup
	stop func() error

	mu      sync.Mutex
	ttl     time.Duration
	all     Behavior
	records map[string]*record
}

// record holds the addresses of one name. A name that was only queried has one too,
// because its queries are counted.
type record struct {
	ips, v6 []netip.Addr
	own     Behavior
	queries int
	turn    int // answers with Rotated
}

// Start binds addr (host:port) on UDP and TCP and starts to answer. Port 0 picks a port
// that is free on both; see Addr. The caller must Close the server.
func Start(addr string) (*Server, error) {
	tcp, udp, err := listen(addr)
	if err != nil {
		return nil, err
	}
	s := &Server{
		addr:    tcp.Addr().String(),
		ttl:     time.Second,
		records: make(map[string]*record),
	}
	s.ends = []*dns.Server{
		{Listener: tcp, Handler: dns.HandlerFunc(s.answerTCP)},
		{PacketConn: udp, Handler: dns.HandlerFunc(s.answerUDP)},
	}
	s.stop = sync.OnceValue(s.shutdown)
	for i, end := range s.ends {
		if err := s.serve(end); err != nil {
			for _, rest := range s.ends[i:] { // not serving, so Shutdown does not close them
				err = errors.Join(err, closeSocket(rest))
			}
			s.ends = s.ends[:i]
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// serve runs end in a goroutine and returns once Shutdown may be called.
func (s *Server) serve(end *dns.Server) error {
	started := make(chan struct{})
	ended := make(chan error, 1)
	end.NotifyStartedFunc = func() { close(started) }
	s.done.Go(func() { ended <- end.ActivateAndServe() })
	select {
	case <-started:
		return nil
	case err := <-ended:
		return err
	}
}

func closeSocket(end *dns.Server) error {
	if end.Listener != nil {
		return end.Listener.Close()
	}
	return end.PacketConn.Close()
}

// Addr returns the bound address (host:port), which is the same for both transports.
func (s *Server) Addr() string { return s.addr }

// Close stops the server and waits for its goroutines. Further calls return the error of
// the first.
func (s *Server) Close() error { return s.stop() }

func (s *Server) shutdown() error {
	var errs []error
	for _, end := range s.ends {
		errs = append(errs, end.Shutdown())
	}
	s.done.Wait()
	return errors.Join(errs...)
}

// SetA sets the IPv4 addresses of name, in this order. Without any address the name does
// not exist. Addresses other than IPv4 are ignored.
func (s *Server) SetA(name string, ips ...netip.Addr) {
	var v4 []netip.Addr
	for _, ip := range ips {
		if ip = ip.Unmap(); ip.Is4() {
			v4 = append(v4, ip)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record(name).ips = v4
}

// SetAAAA sets the IPv6 addresses of name, in this order, beside those of SetA. IPv4
// addresses are ignored.
func (s *Server) SetAAAA(name string, ips ...netip.Addr) {
	var v6 []netip.Addr
	for _, ip := range ips {
		if ip = ip.Unmap(); ip.Is6() {
			v6 = append(v6, ip)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record(name).v6 = v6
}

// SetTTL sets the time to live of the records, in whole seconds, rounded up;
// one second unless set.
func (s *Server) SetTTL(ttl time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ttl = max(ttl, 0)
}

// Queries returns how many lookups of name arrived, whatever the answer was. A lookup that
// queries A and AAAA counts once.
func (s *Server) Queries(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.record(name).queries
}

// record returns the record of name, which may be in any case and with or without the
// trailing dot. The caller holds s.mu.
func (s *Server) record(name string) *record {
	key := dns.CanonicalName(name)
	r := s.records[key]
	if r == nil {
		r = new(record)
		s.records[key] = r
	}
	return r
}

// rotated returns the addresses, starting with the next one at each call.
func (r *record) rotated() []netip.Addr {
	if len(r.ips) == 0 {
		return nil
	}
	first := r.turn % len(r.ips)
	r.turn++
	return slices.Concat(r.ips[first:], r.ips[:first])
}
