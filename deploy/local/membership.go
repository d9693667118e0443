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

// roll is the replicas and which of them are SERVING. It keeps the answer of the
// DNS server equal to those, as a headless Service does.
type roll struct {
	server *dnsserver.Server
	name   string
	out    *output

	mu       sync.Mutex
	members  []member
	complete chan struct{} // closed once all were SERVING at one time
}

type member struct {
	name    string
	ip      netip.Addr
	serving bool
}

func newRoll(server *dnsserver.Server, l layout, out *output) (*roll, error) {
	r := &roll{server: server, name: l.dnsName, out: out, complete: make(chan struct{})}
	for _, rep := range l.replicas {
		ap, err := netip.ParseAddrPort(rep.grpc)
		if err != nil {
			return nil, fmt.Errorf("address of %s: %w", rep.name, err)
		}
		r.members = append(r.members, member{name: rep.name, ip: ap.Addr()})
	}
	return r, nil
}

// set notes whether the replica of that name is SERVING.
func (r *roll) set(name string, serving bool) {
	if !r.change(name, serving) {
		return
	}
	if serving {
		r.out.say("%s is SERVING: in DNS", name)
	} else {
		r.out.say("%s is not SERVING any more: out of DNS", name)
	}
}

func (r *roll) change(name string, serving bool) (changed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ips []netip.Addr
	for i := range r.members {
		m := &r.members[i]
		if m.name == name && m.serving != serving {
			m.serving = serving
			changed = true
		}
		if m.serving {
			ips = append(ips, m.ip)
		}
	}
	if !changed {
		return false
	}
	r.server.SetA(r.name, ips...)
	if len(ips) == len(r.members) {
		select {
		case <-r.complete:
		default:
			close(r.complete)
		}
	}
	return true
}

// await returns true once all replicas were SERVING, false when ctx ended
// before. It says from time to time who is missing.
func (r *roll) await(ctx context.Context) bool {
	remind := time.NewTicker(remindEvery)
	defer remind.Stop()
	for {
		select {
		case <-r.complete:
			return true
		case <-ctx.Done():
			return false
		case <-remind.C:
			r.out.say("the shop waits until %s is SERVING", strings.Join(r.missing(), " and "))
		}
	}
}

func (r *roll) missing() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var names []string
	for _, m := range r.members {
		if !m.serving {
			names = append(names, m.name)
		}
	}
	return names
}
