package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"bookstall/internal/config"
	"bookstall/internal/rpc"
)

// healthcheck is what a container without a shell is probed by.
type healthcheck struct {
	Address string        `env:"-" help:"host:port to ask, in plaintext; if empty, where serve answers with the same variables: that of --grpc-address, or of --health-address with TLS." placeholder:"HOST:PORT"`
	Service string        `env:"-" help:"Service to ask for; the server as a whole if empty." default:"recommendations.v1.RecommendationsService"`
	Timeout time.Duration `env:"-" help:"How long to wait for the answer." default:"2s"`

	// What serve listens on: the same variables, and the same flags for those
	// who set them by flag.
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

func (h healthcheck) run(ctx context.Context, stdout io.Writer) error {
	address, err := h.address()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	if err := rpc.CheckHealth(ctx, address, h.Service); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s: %s is SERVING\n", address, cmp.Or(h.Service, "the server"))
	return err
}
