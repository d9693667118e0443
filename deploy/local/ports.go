package main

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"bookstall/internal/dnsserver"
)

const aliasNote = `this machine has no address %s, so only one replica runs, on 127.0.0.1. For more, add the addresses (until the next reboot) and start again:
  for ip in %s; do sudo ifconfig lo0 alias $ip up; done
  make run`

// listenAddr is an address that a process will listen on.
type listenAddr struct {
	addr, what string
	bind       func(addr string) error // binds the address and releases it
	option     string                  // of make run, for another port; "" for none
}

func (l layout) shopAddrs() []listenAddr {
	addrs := []listenAddr{
		{l.shop, "shop", bindTCP, "PORT"},
		{l.shopAdmin, "marketplace admin", bindTCP, "ADMIN_PORT"},
		{l.dns, "DNS", bindDNS, ""},
	}
	if l.prometheus != "" {
		addrs = append(addrs, listenAddr{l.prometheusAddr, prometheusName, bindTCP, ""})
	}
	if l.traces != "" {
		addrs = append(addrs, listenAddr{l.traces, "traces", bindTCP, ""}, listenAddr{l.otlp, "traces OTLP", bindTCP, ""})
	}
	return addrs
}

func (l layout) replicaAddrs() []listenAddr {
	var addrs []listenAddr
	for _, r := range l.replicas {
		addrs = append(addrs,
			listenAddr{r.grpc, r.name + " gRPC", bindTCP, ""},
			listenAddr{r.admin, r.name + " admin", bindTCP, "ADMIN_PORT"})
		if l.certLife > 0 {
			addrs = append(addrs, listenAddr{l.health(r), r.name + " health", bindTCP, ""})
		}
		if rest := l.tutorialREST(r); rest != "" {
			addrs = append(addrs, listenAddr{rest, r.name + " tutorial", bindTCP, ""})
		}
	}
	return addrs
}

// advice says what to do if the address is in use.
func (u listenAddr) advice() string {
	if u.option == "" {
		return "stop it and start again"
	}
	return "stop it, or take another port: make run " + u.option + "=N"
}

func bindTCP(addr string) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return ln.Close()
}

// bindDNS binds UDP and TCP, as the DNS server does.
func bindDNS(addr string) error {
	s, err := dnsserver.Start(addr)
	if err != nil {
		return err
	}
	return s.Close()
}

// checkAddresses binds every address once; the error names all that cannot be bound.
// If the machine lacks the replicas' addresses, it returns a layout with one replica,
// and a note that says so.
func checkAddresses(l layout) (_ layout, note string, _ error) {
	used := make(map[string]string)
	replicas := check(l.replicaAddrs(), used)
	if absent := replicas.absent; len(absent) > 0 {
		l.replicas = []replica{l.only}
		note = fmt.Sprintf(aliasNote, strings.Join(absent, ", "), strings.Join(absent, " "))
		clear(used)
		replicas = check(l.replicaAddrs(), used)
	}
	shop := check(l.shopAddrs(), used)
	return l, note, errors.Join(append(shop.errs(), replicas.errs()...)...)
}

// findings is the addresses that cannot be bound.
type findings struct {
	absent  []string // hosts that are not addresses of this machine
	refused []error  // all other failures
}

func (f findings) errs() []error {
	errs := f.refused
	for _, host := range f.absent {
		errs = append(errs, fmt.Errorf("%s is not an address of this machine", host))
	}
	return errs
}

// check tries addresses. It adds them to used, which says what each address is for.
func check(addrs []listenAddr, used map[string]string) findings {
	var f findings
	seen := make(map[string]bool)
	for _, u := range addrs {
		if other, twice := used[u.addr]; twice {
			f.refused = append(f.refused, fmt.Errorf("%s is wanted for %s and for %s; take another port", u.addr, other, u.what))
			continue
		}
		used[u.addr] = u.what
		switch err := u.bind(u.addr); {
		case err == nil:
		case errors.Is(err, syscall.EADDRINUSE):
			f.refused = append(f.refused, fmt.Errorf("%s (%s) is used by another process; %s", u.addr, u.what, u.advice()))
		case errors.Is(err, syscall.EADDRNOTAVAIL):
			if host, _, _ := net.SplitHostPort(u.addr); !seen[host] {
				seen[host] = true
				f.absent = append(f.absent, host)
			}
		default:
			f.refused = append(f.refused, fmt.Errorf("%s (%s) cannot be bound: %w", u.addr, u.what, err))
		}
	}
	return f
}
