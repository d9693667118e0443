package fleet

import (
	"context"
	"sync"
	"time"
)

// Switch is a load balancer for connections: it forwards each to the next marketplace
// that is ready, and tries another where one refuses. It does not look at requests.
type Switch struct {
	*Relay

	URL string // URL of the shop behind the switch

	cancel   context.CancelFunc
	watching sync.WaitGroup

	mu    sync.Mutex
	shops []*Marketplace
	ready map[*Marketplace]bool
	turn  int
}

const (
	switchInterval = 50 * time.Millisecond // pause between two checks of readiness
	switchTimeout  = time.Second           // limit of one check
)

func newSwitch() (*Switch, error) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Switch{ready: map[*Marketplace]bool{}, cancel: cancel}
	relay, err := startRelay("127.0.0.1:0", s.inTurn)
	if err != nil {
		cancel()
		return nil, err
	}
	s.Relay, s.URL = relay, "http://"+relay.Addr()
	s.watching.Go(func() { s.watch(ctx) })
	return s, nil
}

// Close stops the switch and ends all connections over it.
func (s *Switch) Close() error {
	s.cancel()
	s.watching.Wait()
	return s.Relay.Close()
}

// add puts a marketplace behind the switch.
func (s *Switch) add(m *Marketplace) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shops = append(s.shops, m)
}

// Ready returns how many marketplaces receive connections.
func (s *Switch) Ready() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ready := range s.ready {
		if ready {
			n++
		}
	}
	return n
}

// inTurn returns the addresses of the marketplaces that are ready, the next one first.
func (s *Switch) inTurn() (list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn++
	for i := range s.shops {
		if m := s.shops[(s.turn+i)%len(s.shops)]; s.ready[m] {
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
		list := s.shops
		s.mu.Unlock()
		var asking sync.WaitGroup
		for _, m := range list {
			asking.Go(func() { s.look(ctx, m) })
		}
		asking.Wait()
	}
}

func (s *Switch) look(ctx context.Context, m *Marketplace) {
	ctx, cancel := context.WithTimeout(ctx, switchTimeout)
	defer cancel()
	ready, err := Ready(ctx, m.Admin)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready[m] = ready && err == nil
}
