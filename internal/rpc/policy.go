package rpc

import (
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/keepalive"
)

// What both ends must agree on. A client that pings more often than the server
// allows is cut off with GOAWAY too_many_pings, so one follows from the other.
const (
	keepaliveTime    = 10 * time.Second // between a client's pings of a silent connection; gRPC allows no less
	keepaliveTimeout = 5 * time.Second  // for the answer, on both ends
	keepaliveMinTime = keepaliveTime / 2
)

func clientKeepalive() keepalive.ClientParameters {
	return keepalive.ClientParameters{
		Time:                keepaliveTime,
		Timeout:             keepaliveTimeout,
		PermitWithoutStream: true, // a dead node is noticed before a reader's call finds it
	}
}

func serverEnforcement() keepalive.EnforcementPolicy {
	return keepalive.EnforcementPolicy{MinTime: keepaliveMinTime, PermitWithoutStream: true}
}

func serverKeepalive(maxAge, grace time.Duration) keepalive.ServerParameters {
	return keepalive.ServerParameters{
		Time:                  2 * keepaliveTime, // after the client's own ping should have come
		Timeout:               keepaliveTimeout,
		MaxConnectionAge:      maxAge,
		MaxConnectionAgeGrace: grace,
	}
}

// How a client deals with trouble.
const (
	maxAttempts = 4
	// Each failed attempt costs a token and at half the tokens retries stop. A
	// killed replica fails all its calls in flight at once; 100 is the least
	// that survives 32 of them (measured), 1000 the most that gRPC takes.
	retryTokens = 1000
	// Bad calls in a row that eject a replica, and how long a call must have had
	// for its timeout to say something about the replica.
	ejectAfter      = 3
	ejectMinElapsed = 50 * time.Millisecond
	// Slow is what a reader may notice, and far from what is usual. A stop of the
	// garbage collector or of the kernel's throttling (100 ms at a time) holds up
	// many calls, but not over so long.
	slowFloor        = 50 * time.Millisecond
	slowFactor       = 5
	slowAfter        = 5
	slowSpan         = 200 * time.Millisecond
	probeInterval    = time.Second
	maxProbeInterval = 30 * time.Second
	probeTimeout     = time.Second
	connectTimeout   = 2 * time.Second
)

// reconnect is quicker than gRPC's default of up to two minutes: a replica that
// comes back should get calls within a second or so.
func reconnect() backoff.Config {
	return backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second}
}

// serviceConfig is what the client does with the list of replicas: calls in
// turn, to those whose health service says SERVING for service by name (a
// stranger on an address that was used before says nothing of it), repeated on
// another replica when one is unavailable. Every method of service must be safe
// to repeat.
func serviceConfig(service string) (string, error) {
	type object = map[string]any
	config, err := json.Marshal(object{
		"loadBalancingConfig": []object{{"round_robin": object{}}},
		"healthCheckConfig":   object{"serviceName": service},
		"methodConfig": []object{{
			"name": []object{{"service": service}},
			"retryPolicy": object{
				"maxAttempts":          maxAttempts,
				"initialBackoff":       "0.005s",
				"maxBackoff":           "0.05s",
				"backoffMultiplier":    2,
				"retryableStatusCodes": []string{"UNAVAILABLE"},
			},
		}},
		"retryThrottling": object{"maxTokens": retryTokens, "tokenRatio": 1},
	})
	if err != nil {
		return "", fmt.Errorf("service config: %w", err)
	}
	return string(config), nil
}
