//go:build !linux

package fleet

import (
	"fmt"
	"net/netip"
	"runtime"
)

// Namespace is a network namespace for one process. Only Linux has them.
type Namespace struct {
	IP netip.Addr // of the process
}

// CheckNamespaces returns ErrNoNamespaces.
func CheckNamespaces() error { return fmt.Errorf("%w: this is %s", ErrNoNamespaces, runtime.GOOS) }

func newNamespace() (*Namespace, error) { return nil, CheckNamespaces() }

// Drop fails.
func (*Namespace) Drop() error { return CheckNamespaces() }

// Pass fails.
func (*Namespace) Pass() error { return CheckNamespaces() }

func (*Namespace) inside() []string { return nil }

func (*Namespace) close() error { return nil }
