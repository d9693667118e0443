package rpc

import (
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/keepalive"
)

// Keepalive, on which both ends must agree: a server answers a client that pings more
// often than it allows with GOAWAY too_many_pings.
const (
	keepaliveTime    = 10 * time.Second // between a client's pings of a silent connection; gRPC's minimum
	keepaliveTimeout = 5 * time.Second  // wait for the answer, on both ends
	keepaliveMinTime = keepaliveTime / 2
)

func clientKeepalive() keepalive.ClientParameters {
	return keepalive.ClientParameters{
		Time:                keepaliveTime,
		Timeout:             keepaliveTimeout,
		PermitWithoutStream: true, // notice a dead node before a call does
	}
}

func serverEnforcement() keepalive.EnforcementPolicy {
	return keepalive.EnforcementPolicy{MinTime: keepaliveMinTime, PermitWithoutStream: true}
}

func serverKeepalive(maxAge, grace time.Duration) keepalive.ServerParameters {
	return keepalive.ServerParameters{
		Time:                  2 * keepaliveTime, // only if the client's own ping is overdue
		Timeout:               keepaliveTimeout,
		MaxConnectionAge:      maxAge,
		MaxConnectionAgeGrace: grace,
	}
}

// Retries, ejection and connecting on the client.
const (
	maxAttempts = 4
	// Each failed attempt costs a token; retries stop at half the tokens. A killed
	// replica fails all its calls in flight at once: 100 tokens are the least that
	// survive 32 of them (measured), 1000 are gRPC's maximum.
	retryTokens = 1000
	// Failed calls in a row that eject a replica, and how long a call must have run
	// for its timeout to count.
	ejectAfter      = 3
	ejectMinElapsed = 50 * time.Millisecond
	// A call is slow if a reader may notice it and it is far from the usual time. A
	// pause of the garbage collector or of CPU throttling (100 ms at a time) delays
	// many calls, but not for slowSpan.
	slowFloor        = 50 * time.Millisecond
	slowFactor       = 5
	slowAfter        = 5
	slowSpan         = 200 * time.Millisecond
	probeInterval    = time.Second
	maxProbeInterval = 30 * time.Second
	probeTimeout     = time.Second
	connectTimeout   = 2 * time.Second
)

// reconnect is shorter than gRPC's default backoff of up to two minutes, so that a
// replica that returns receives calls within about a second.
func reconnect() backoff.Config {
	return backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second}
}

// serviceConfig returns the gRPC service config: round robin over the replicas whose
// health is SERVING for service, and retries on another replica on UNAVAILABLE. The
// health check names the service because another program may have been given the
// address of a former replica. Every method of service must be safe to retry.
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
