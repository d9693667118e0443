package main

import (
	"context"
	"net/http"
	"time"
)

const readyEvery = 50 * time.Millisecond

// awaitReady waits until marketplace is ready, by its admin address. It returns false if
// ctx is done first.
func awaitReady(ctx context.Context, admin string) bool {
	client := &http.Client{
		Timeout:   time.Second,
		Transport: &http.Transport{DisableKeepAlives: true}, // Proxy is nil: a direct connection
	}
	tick := time.NewTicker(readyEvery)
	defer tick.Stop()
	for {
		if ready(ctx, client, "http://"+admin+"/readyz") {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}

func ready(ctx context.Context, client *http.Client, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}
