package rpc

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"bookstall/internal/discovery"
)

// Addresses looks up the replicas behind a ClientConfig.Target once. A name without
// addresses is an error.
func Addresses(ctx context.Context, target string) ([]netip.AddrPort, error) {
	return discovery.Addresses(ctx, target)
}

// WithPort returns target with its port replaced, or an error if target is not
// valid. It does not check port.
func WithPort(target, port string) (string, error) {
	if err := discovery.CheckTarget(target); err != nil {
		return "", err
	}
	slash := strings.LastIndex(target, "/") + 1
	host, _, err := net.SplitHostPort(target[slash:])
	if err != nil {
		return "", fmt.Errorf("target %q: %w", target, err)
	}
	return target[:slash] + net.JoinHostPort(host, port), nil
}
