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
		MaxConnectionIdle:     maxIdle, // a Client is never idle: it watches the health
		MaxConnectionAge:      maxAge,
		MaxConnectionAgeGrace: grace,
	}
}

// What a server holds for a client that it does not know. A Client of Bookstall needs far
// less of each, except for streams: one for every live shelf of a shop.
const (
	handshakeTimeout   = 5 * time.Second // from the connection to the end of the HTTP/2 handshake
	maxIdle            = time.Minute     // a connection without calls
	maxStreams         = 2000            // calls on one connection
	maxOther           = 4               // calls of gRPC's own services on one connection; a Client watches the health by one
	maxDownloads       = 4               // downloads on one connection; a Client makes one at a time
	maxSpawned         = 32              // calls of one connection whose goroutines have not run yet
	maxHealthStreams   = 16              // on a connection of the plaintext health service
	maxHeaders         = 16 << 10        // bytes of the headers of a call
	maxMessage         = 64 << 10        // bytes of a request; the largest are some hundred
	maxAnswer          = 4 << 20         // bytes of a message that a Client takes; a test of the service holds its largest against it
	maxArriving        = 1024            // calls that wait for their first message, each with up to 64 kB of it
	messageTimeout     = 5 * time.Second // wait for the first message, for each one of an upload, and until one of a stream can be sent
	defaultConnections = 1000
)

// Retries and connecting on the client.
const (
	maxAttempts = 4
	// Each failed attempt costs a token; retries stop at half the tokens. A killed
	// replica fails all its calls in flight at once: 100 tokens are the least that
	// survive 32 of them (measured), 1000 are gRPC's maximum.
	retryTokens    = 1000
	connectTimeout = 2 * time.Second
)

// reconnect is shorter than gRPC's default backoff of up to two minutes, so that a
// replica that returns receives calls within about a second.
func reconnect() backoff.Config {
	return backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second}
}

// serviceConfig returns what the gRPC service config has besides balancing: retries on
// another replica on UNAVAILABLE, and on UNIMPLEMENTED, as during a rollout a replica of an
// earlier version answers a method that it does not have. Every method of service must be
// safe to retry.
func serviceConfig(service string) (string, error) {
	type object = map[string]any
	config, err := json.Marshal(object{
		"methodConfig": []object{{
			"name": []object{{"service": service}},
			"retryPolicy": object{
				"maxAttempts":          maxAttempts,
				"initialBackoff":       "0.005s",
				"maxBackoff":           "0.05s",
				"backoffMultiplier":    2,
				"retryableStatusCodes": []string{"UNAVAILABLE", "UNIMPLEMENTED"},
			},
		}},
		"retryThrottling": object{"maxTokens": retryTokens, "tokenRatio": 1},
	})
	if err != nil {
		return "", fmt.Errorf("service config: %w", err)
	}
	return string(config), nil
}
