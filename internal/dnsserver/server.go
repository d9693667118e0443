package dnsserver

import (
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Server answers until Close. Its methods may be called at any time from any
// goroutine; a change holds from the next question on.
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

// record is what is known about one name; records are kept for names that were
// only asked for, because their questions are counted.
type record struct {
	ips     []netip.Addr
	own     Behavior
	queries int
	turn    int // answers given in a new order
}

// Start binds addr on UDP and TCP and answers from then on. Port 0 takes a port
// that is free on both; Addr says which.
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
			for _, rest := range s.ends[i:] { // not served, so not theirs to close
				err = errors.Join(err, closeSocket(rest))
			}
			s.ends = s.ends[:i]
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// serve runs end in the background and returns once Shutdown may be called.
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

// Addr is the bound address, host:port, the same for both transports.
func (s *Server) Addr() string { return s.addr }

// Close stops answering and returns when every goroutine of the server has
// ended. Later calls return what the first one did.
func (s *Server) Close() error { return s.stop() }

func (s *Server) shutdown() error {
	var errs []error
	for _, end := range s.ends {
		errs = append(errs, end.Shutdown())
	}
	s.done.Wait()
	return errors.Join(errs...)
}

// SetA makes ips the whole answer for name, in this order. Without any, the
// name does not exist. Only IPv4 addresses are answered.
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

// SetTTL sets the time to live of the records, in whole seconds, rounded up;
// one second unless set.
func (s *Server) SetTTL(ttl time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ttl = max(ttl, 0)
}

// Queries says how many look-ups of name arrived, whatever was answered. A
// look-up asks for A and AAAA together; it counts once, by the first.
func (s *Server) Queries(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.record(name).queries
}

// record returns the record of name, in any case and with or without the
// trailing dot. The caller holds the lock.
func (s *Server) record(name string) *record {
	key := dns.CanonicalName(name)
	r := s.records[key]
	if r == nil {
		r = new(record)
		s.records[key] = r
	}
	return r
}

// inTurn returns the addresses, each time starting with the next one.
func (r *record) inTurn() []netip.Addr {
	if len(r.ips) == 0 {
		return nil
	}
	first := r.turn % len(r.ips)
	r.turn++
	return slices.Concat(r.ips[first:], r.ips[:first])
}
