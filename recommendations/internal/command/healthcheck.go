package command

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"bookstall/internal/config"
	"bookstall/internal/rpc"
)

// healthcheck is a probe for containers without a shell.
type healthcheck struct {
	Address string        `env:"-" help:"host:port of the server, in plaintext. If empty, the address that serve would use with this environment: --grpc-address, or --health-address with TLS." placeholder:"HOST:PORT"`
	Service string        `env:"-" help:"gRPC service to check; empty for the server as a whole." default:"recommendations.v1.RecommendationsService"`
	Timeout time.Duration `env:"-" help:"Time limit." default:"2s"`

	// The addresses of serve: same variables, same flags.
	GRPCAddress   string `name:"grpc-address" hidden:"" default:":50051"`
	HealthAddress string `hidden:"" default:":50052"`
	TLSCertFile   string `name:"tls-cert-file" hidden:""`
}

func (h healthcheck) address() (string, error) {
	if h.Address != "" {
		return h.Address, nil
	}
	listen := h.GRPCAddress
	if h.TLSCertFile != "" {
		listen = h.HealthAddress
	}
	address, err := config.LocalAddress(listen)
	if err != nil {
		return "", fmt.Errorf("set --address: %w", err)
	}
	return address, nil
}

func (h healthcheck) Run(ctx context.Context, to config.Streams) error {
	address, err := h.address()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	if err := rpc.CheckHealth(ctx, address, h.Service); err != nil {
		return err
	}
	_, err = fmt.Fprintf(to.Out, "%s: %s is SERVING\n", address, cmp.Or(h.Service, "the server"))
	return err
}
