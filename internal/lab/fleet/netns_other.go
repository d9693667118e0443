//go:build !linux

package fleet

import (
	"fmt"
	"net/netip"
	"runtime"
)

// Namespace is a network with one process in it and one wire to the host. Only
// Linux has such.
type Namespace struct {
	IP netip.Addr // of its end of the wire
}

// CheckNamespaces says that there are none.
//
// Error: ErrNoNamespaces.
func CheckNamespaces() error { return fmt.Errorf("%w: this is %s", ErrNoNamespaces, runtime.GOOS) }

func newNamespace() (*Namespace, error) { return nil, CheckNamespaces() }

// Drop fails.
func (*Namespace) Drop() error { return CheckNamespaces() }

// Pass fails.
func (*Namespace) Pass() error { return CheckNamespaces() }

func (*Namespace) inside() []string { return nil }

func (*Namespace) close() error { return nil }
