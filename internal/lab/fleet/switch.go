package fleet

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// Switch spreads the connections of readers over the marketplaces that say they
// are ready, in turn, and tries the next where one refuses. What is under way over
// a connection is no matter of its own.
type Switch struct {
	*Relay

	URL string // of the shop behind it

	http   *http.Client
	cancel context.CancelFunc
	looks  sync.WaitGroup

	mu       sync.Mutex
	backends map[*Marketplace]bool // whether it is ready
	order    []*Marketplace
	turn     int
}

// switchInterval is how often a Switch asks for readiness.
const switchInterval = 50 * time.Millisecond

func newSwitch() (*Switch, error) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Switch{
		backends: map[*Marketplace]bool{}, cancel: cancel,
		http: &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}},
	}
	relay, err := startRelay("127.0.0.1:0", s.inTurn)
	if err != nil {
		cancel()
		return nil, err
	}
	s.Relay, s.URL = relay, "http://"+relay.Addr()
	s.looks.Go(func() { s.watch(ctx) })
	return s, nil
}

// Close ends the switch and all connections over it.
func (s *Switch) Close() error {
	s.cancel()
	s.looks.Wait()
	return s.Relay.Close()
}

// add puts a marketplace behind the switch.
func (s *Switch) add(m *Marketplace) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.order = append(s.order, m)
	s.backends[m] = false
}

// Ready returns how many marketplaces get connections.
func (s *Switch) Ready() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ready := range s.backends {
		if ready {
			n++
		}
	}
	return n
}

// inTurn returns the addresses of those that are ready, the next one first.
func (s *Switch) inTurn() (list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn++
	for i := range s.order {
		if m := s.order[(s.turn+i)%len(s.order)]; s.backends[m] {
			list = append(list, m.address)
		}
	}
	return list
}

func (s *Switch) watch(ctx context.Context) {
	ticker := time.NewTicker(switchInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		s.mu.Lock()
		list := s.order
		s.mu.Unlock()
		var asking sync.WaitGroup
		for _, m := range list {
			asking.Go(func() { s.look(ctx, m) })
		}
		asking.Wait()
	}
}

func (s *Switch) look(ctx context.Context, m *Marketplace) {
	ready := false
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.backends[m] = ready
	}()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.Admin+"/readyz", nil)
	if err != nil {
		return
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // the status says it all
	ready = resp.StatusCode == http.StatusOK
}
