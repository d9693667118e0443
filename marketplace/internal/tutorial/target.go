package tutorial

import (
	"fmt"
	"net"
	"strings"

	"bookstall/balance"
)

// WithPort returns target with its port replaced, or an error if target is not
// valid. It does not check port.
func WithPort(target, port string) (string, error) {
	if err := balance.CheckTarget(target); err != nil {
		return "", err
	}
	slash := strings.LastIndex(target, "/") + 1
	host, _, err := net.SplitHostPort(target[slash:])
	if err != nil {
		return "", fmt.Errorf("target %q: %w", target, err)
	}
	return target[:slash] + net.JoinHostPort(host, port), nil
}
