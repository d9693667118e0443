package balance

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// answered takes the name in an answer over the connection to address.
func (w *world) answered(address, name string) {
	w.channel.mu.Lock()
	var c *conn
	for key, other := range w.channel.conns {
		if slices.Contains(strings.Fields(key), address) {
			c = other
		}
	}
	w.channel.mu.Unlock()
	w.pool.named(c, name)
	synctest.Wait()
}

// groups returns the addresses of each replica, without the port.
func (w *world) groups() (list []string) {
	for _, r := range w.pool.snapshot().Replicas {
		if r.State != Gone {
			list = append(list, strings.ReplaceAll(strings.Join(r.Addresses, " "), ":50051", ""))
		}
	}
	return list
}

func wantGroups(t *testing.T, w *world, want ...string) {
	t.Helper()
	if got := w.groups(); !slices.Equal(got, want) {
		t.Errorf("replicas at %q, want %q", got, want)
	}
}

// dual returns a world with two replicas, each with an IPv4 and an IPv6 address.
func dual(t *testing.T) *world {
	t.Helper()
	return start(t, &fakeDNS{ips: []string{"10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2"}})
}

func TestTwoAddressesOfOneNameAreOneReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := dual(t)
		wantGroups(t, w, "10.0.0.1", "10.0.0.2", "[fd00::1]", "[fd00::2]")
		w.answered("10.0.0.1:50051", "a")
		w.answered("10.0.0.2:50051", "b")
		w.answered("[fd00::2]:50051", "b")
		wantGroups(t, w, "10.0.0.1", "10.0.0.2 [fd00::2]", "[fd00::1]")
		w.answered("[fd00::1]:50051", "a")
		wantGroups(t, w, "10.0.0.1 [fd00::1]", "10.0.0.2 [fd00::2]")
		if got := w.channel.updated(); got != 3 {
			t.Errorf("the policy was updated %d times, want 3", got)
		}
		if n := len(w.channel.conns); n != 2 {
			t.Errorf("%d connections, want 2: one for each replica", n)
		}
		for _, r := range w.pool.snapshot().Replicas {
			if r.State == Serving && r.Name == "" {
				t.Errorf("%s has no name", r.Address)
			}
		}
		// Two replicas, of which one may be out.
		for _, ip := range []string{"10.0.0.1", "10.0.0.2"} {
			w.reports(ip, minTimes, good, 0)
		}
		w.reports("10.0.0.1", 3, timedOut, 0)
		w.reports("10.0.0.2", 3, timedOut, 0)
		wantList(t, w, "10.0.0.2")
	})
}

func TestANewNameSplitsAReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := dual(t)
		w.answered("10.0.0.1:50051", "a")
		w.answered("[fd00::1]:50051", "a")
		wantGroups(t, w, "10.0.0.1 [fd00::1]", "10.0.0.2", "[fd00::2]")
		first := w.at("10.0.0.1")
		w.answered("10.0.0.1:50051", "c") // another pod has the IPv4 address now
		wantGroups(t, w, "10.0.0.1", "10.0.0.2", "[fd00::1]", "[fd00::2]")
		if w.at("10.0.0.1") != first {
			t.Error("the replica that answers is a new one, want the one that had the connection")
		}
	})
}

func TestWhatIsNotGrouped(t *testing.T) {
	for name, test := range map[string]struct {
		ips   []string
		names map[string]string // by address
	}{
		"two IPv4 addresses": {
			[]string{"10.0.0.1", "10.0.0.2"},
			map[string]string{"10.0.0.1:50051": "a", "10.0.0.2:50051": "a"},
		},
		"two IPv4 addresses beside IPv6": {
			[]string{"10.0.0.1", "10.0.0.2", "fd00::1"},
			map[string]string{"10.0.0.1:50051": "a", "10.0.0.2:50051": "a", "[fd00::1]:50051": "b"},
		},
		"a third address": { // replicas that all have one name
			[]string{"10.0.0.1", "10.0.0.2", "fd00::1"},
			map[string]string{"10.0.0.1:50051": "a", "10.0.0.2:50051": "a", "[fd00::1]:50051": "a"},
		},
		"no names": {
			[]string{"10.0.0.1", "fd00::1"},
			map[string]string{"10.0.0.1:50051": "", "[fd00::1]:50051": ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := start(t, &fakeDNS{ips: test.ips})
				before := w.groups()
				// In this order the third address comes last, when two are a group already.
				for _, address := range []string{"10.0.0.1:50051", "[fd00::1]:50051", "10.0.0.2:50051"} {
					if name, ok := test.names[address]; ok {
						w.answered(address, name)
					}
				}
				wantGroups(t, w, before...)
			})
		})
	}
}

func TestAnAddressThatLeavesDNSLeavesItsReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := dual(t)
		w.answered("10.0.0.1:50051", "a")
		w.answered("[fd00::1]:50051", "a")
		first := w.at("10.0.0.1")
		w.dns.set(nil, "10.0.0.2", "fd00::1", "fd00::2")
		pass(2 * interval)
		wantGroups(t, w, "10.0.0.2", "[fd00::1]", "[fd00::2]")
		if w.at("[fd00::1]") != first {
			t.Error("the remaining address is a new replica, want the one that it was")
		}
		// The name of the address that left is forgotten with it.
		w.dns.set(nil, "10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2")
		pass(2 * interval)
		wantGroups(t, w, "10.0.0.1", "10.0.0.2", "[fd00::1]", "[fd00::2]")
	})
}
