package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"bookstall/internal/lab/fleet"
)

const (
	shopURL  = "http://127.0.0.1:8080/"
	settling = 5 * time.Second // time from the first page until memory counts as idle
)

func measureSize(_ context.Context, bin string) (figures, error) {
	f := newFigures("binary, stripped")
	for _, name := range []string{"marketplace", "recommendations"} {
		info, err := os.Stat(filepath.Join(bin, name))
		if err != nil {
			return f, fmt.Errorf("%w; run make build", err)
		}
		size := float64(info.Size()) / 1e6
		f.add(name, fmt.Sprintf("%.1f MB", size), "≤ 30 MB", size <= 30)
	}
	return f, nil
}

// measureOpening runs what make run runs, on the same addresses, in a temporary
// folder: the readers' store of this machine stays out of it.
func measureOpening(ctx context.Context, bin string) (f figures, err error) {
	f = newFigures("make run, built")
	if bin, err = filepath.Abs(bin); err != nil {
		return f, err
	}
	dir, err := os.MkdirTemp("", "bookstall-bench-")
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var log bytes.Buffer
	runner := exec.Command(filepath.Join(bin, "local"), "-bin", bin) //nolint:gosec // our own binary
	runner.Dir = dir
	runner.Stdout, runner.Stderr = &log, &log
	began := time.Now()
	if err := runner.Start(); err != nil {
		return f, fmt.Errorf("%w; run make build", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- runner.Wait() }()
	defer func() {
		stopping := time.Now()
		err = errors.Join(err, runner.Process.Signal(os.Interrupt), <-ended)
		took := time.Since(stopping)
		f.add("Ctrl-C to the end", seconds(took), "≤ 5 s", took <= 5*time.Second)
	}()

	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		resp, err := client.Get(shopURL)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				break
			}
		}
		select {
		case err := <-ended:
			ended <- err
			return f, fmt.Errorf("the shop did not open: %w\n%s", err, log.String())
		case <-ctx.Done():
			return f, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	took := time.Since(began)
	f.add("start to the first page", seconds(took), "≤ 10 s", took <= 10*time.Second)

	select {
	case <-time.After(settling):
	case <-ctx.Done():
		return f, ctx.Err()
	}
	var sum float64
	var each []string
	for _, admin := range []string{"127.0.0.1:9090", "127.0.0.2:9090", "127.0.0.3:9090", "127.0.0.4:9090"} {
		rss, err := fleet.Metric("http://"+admin, "process_resident_memory_bytes")
		if err != nil {
			return f, err
		}
		sum += rss / 1e6
		each = append(each, fmt.Sprintf("%.0f", rss/1e6))
	}
	f.add("idle resident memory of all four ("+strings.Join(each, " + ")+")", fmt.Sprintf("%.0f MB", sum), "≤ 200 MB", sum <= 200)
	return f, nil
}
