package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"bookstall/internal/dnsserver"
)

const remindEvery = 10 * time.Second

// membership tracks which replicas are SERVING. Like a headless Service, it makes the
// DNS server answer with the addresses of those.
type membership struct {
	server *dnsserver.Server
	name   string
	out    *output

	mu       sync.Mutex
	members  []member
	complete chan struct{} // closed once all replicas are SERVING at the same time
}

type member struct {
	name    string
	ip      netip.Addr
	serving bool
}

func newMembership(server *dnsserver.Server, l layout, out *output) (*membership, error) {
	m := &membership{server: server, name: l.dnsName, out: out, complete: make(chan struct{})}
	for _, rep := range l.replicas {
		ap, err := netip.ParseAddrPort(rep.grpc)
		if err != nil {
			return nil, fmt.Errorf("address of %s: %w", rep.name, err)
		}
		m.members = append(m.members, member{name: rep.name, ip: ap.Addr()})
	}
	return m, nil
}

// set records whether the replica of that name is SERVING.
func (m *membership) set(name string, serving bool) {
	if !m.change(name, serving) {
		return
	}
	if serving {
		m.out.say("%s is SERVING: added to DNS", name)
	} else {
		m.out.say("%s is no longer SERVING: removed from DNS", name)
	}
}

func (m *membership) change(name string, serving bool) (changed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ips []netip.Addr
	for i := range m.members {
		one := &m.members[i]
		if one.name == name && one.serving != serving {
			one.serving = serving
			changed = true
		}
		if one.serving {
			ips = append(ips, one.ip)
		}
	}
	if !changed {
		return false
	}
	m.server.SetA(m.name, ips...)
	if len(ips) == len(m.members) {
		select {
		case <-m.complete:
		default:
			close(m.complete)
		}
	}
	return true
}

// await waits until all replicas are SERVING. It returns false if ctx is done first.
// Meanwhile it logs which replicas are missing.
func (m *membership) await(ctx context.Context) bool {
	remind := time.NewTicker(remindEvery)
	defer remind.Stop()
	for {
		select {
		case <-m.complete:
			return true
		case <-ctx.Done():
			return false
		case <-remind.C:
			m.out.say("waiting for %s to be SERVING", strings.Join(m.missing(), " and "))
		}
	}
}

func (m *membership) missing() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for _, one := range m.members {
		if !one.serving {
			names = append(names, one.name)
		}
	}
	return names
}
