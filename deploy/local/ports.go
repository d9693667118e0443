package main

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"bookstall/internal/dnsserver"
)

const aliasNote = `%s cannot be bound here, so one replica runs, on 127.0.0.1. For three, add the addresses (they last until the next boot) and run again:
  for n in 2 3 4; do sudo ifconfig lo0 alias 127.0.0.$n up; done
  make run`

// use is an address and what it is for.
type use struct {
	addr, what string
	bind       func(addr string) error // and close
}

func (l layout) shopUses() []use {
	return []use{
		{l.shop, "shop", bindTCP},
		{l.shopAdmin, "marketplace admin", bindTCP},
		{l.dns, "DNS", bindDNS},
	}
}

func (l layout) replicaUses() []use {
	var uses []use
	for _, r := range l.replicas {
		uses = append(uses,
			use{r.grpc, r.name + " gRPC", bindTCP},
			use{r.admin, r.name + " admin", bindTCP})
		if rest := l.tutorialREST(r); rest != "" {
			uses = append(uses, use{rest, r.name + " tutorial", bindTCP})
		}
	}
	return uses
}

func bindTCP(addr string) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return ln.Close()
}

// bindDNS binds as the DNS server will, so that it finds what that would find.
func bindDNS(addr string) error {
	s, err := dnsserver.Start(addr)
	if err != nil {
		return err
	}
	return s.Close()
}

// checkAddresses binds every address once and names all that cannot be. Where
// the replicas' addresses do not exist, it falls back to one replica and says so
// in the note.
func checkAddresses(l layout) (_ layout, note string, _ error) {
	replicas := check(l.replicaUses())
	if absent := replicas.absent; len(absent) > 0 {
		l.replicas = []replica{l.only}
		note = fmt.Sprintf(aliasNote, strings.Join(absent, ", "))
		replicas = check(l.replicaUses())
	}
	shop := check(l.shopUses())
	return l, note, errors.Join(append(shop.errs(), replicas.errs()...)...)
}

// findings are the addresses that cannot be bound.
type findings struct {
	absent  []string // hosts this machine does not have
	refused []error  // all others
}

func (f findings) errs() []error {
	errs := f.refused
	for _, host := range f.absent {
		errs = append(errs, fmt.Errorf("%s is not an address of this machine", host))
	}
	return errs
}

func check(uses []use) findings {
	var f findings
	seen := make(map[string]bool)
	for _, u := range uses {
		switch err := u.bind(u.addr); {
		case err == nil:
		case errors.Is(err, syscall.EADDRINUSE):
			f.refused = append(f.refused, fmt.Errorf("%s (%s) is taken by another process; stop it and run again", u.addr, u.what))
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
