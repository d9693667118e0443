package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"bookstall/internal/config"
)

// healthcheck is a probe for containers without a shell.
type healthcheck struct {
	Address string        `env:"-" help:"Address of the shop's admin server; empty to derive it from --admin-address." placeholder:"HOST:PORT"`
	Timeout time.Duration `env:"-" help:"Deadline for the answer." default:"2s"`

	// The same variable and flag as those of serve.
	AdminAddress string `hidden:"" default:":9090"`
}

func (h healthcheck) Run(ctx context.Context, to config.Streams) error {
	address := h.Address
	if address == "" {
		var err error
		if address, err = config.LocalAddress(h.AdminAddress); err != nil {
			return fmt.Errorf("set --address: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	status, body, err := fetch(ctx, "http://"+address+"/readyz", "")
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("%s: %.200s", address, strings.TrimSpace(string(body)))
	}
	_, err = fmt.Fprintf(to.Out, "%s: ready\n", address)
	return err
}

// Limits of fetch.
const (
	maxAnswer    = 4 << 20 // bytes
	fetchTimeout = 5 * time.Second
)

// fetch sends a GET request on a new connection, without a proxy.
func fetch(ctx context.Context, url, token string) (status int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{Timeout: fetchTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return 0, nil, fmt.Errorf("%s: %w", url, err)
	}
	return resp.StatusCode, body, nil
}
