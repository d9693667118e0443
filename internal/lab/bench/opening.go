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
	"slices"
	"strings"
	"time"

	"bookstall/internal/lab/fleet"
)

const shopURL = "http://127.0.0.1:8080/"

func (b *bench) measureSize(context.Context) (section, error) {
	s := newSection("size", "binary, stripped")
	for _, p := range []struct {
		name string
		most float64 // MB
	}{{"marketplace", 26}, {"recommendations", 34}} {
		info, err := os.Stat(filepath.Join(b.bin, p.name))
		if err != nil {
			return s, fmt.Errorf("%w; run make build", err)
		}
		size := float64(info.Size()) / 1e6
		s.add(p.name, fmt.Sprintf("%.1f MB", size), fmt.Sprintf("≤ %.0f MB", p.most), size <= p.most)
	}
	return s, nil
}

// measureOpening runs what make run runs, in turn with the same of an earlier version, if there
// is one.
func (b *bench) measureOpening(ctx context.Context) (s section, err error) {
	s = newSection("opening", "make run, built")
	versions := []string{b.bin}
	if _, err := os.Stat(filepath.Join(b.released, "local")); err == nil && b.released != "" {
		versions = append(versions, b.released)
	}
	opened := make([][]opening, len(versions))
	for round := range 1 + b.turns.rounds { // the first warms up
		for i, bin := range versions {
			settle := b.settle
			if round == 0 {
				settle = 0
			}
			o, err := open(ctx, bin, settle)
			if err != nil {
				return s, fmt.Errorf("%s: %w", bin, err)
			}
			if round > 0 {
				opened[i] = append(opened[i], o)
			}
		}
	}
	of := func(version int, pick func(opening) float64) (list []float64) {
		for _, o := range opened[version] {
			list = append(list, pick(o))
		}
		return list
	}
	first := func(o opening) float64 { return o.first.Seconds() }
	memory := func(o opening) float64 { return o.sum() }
	took := median(of(0, first))
	s.add("start to the first page, with a new store", seconds(took), "≤ 10 s", took <= 10)
	idle := opened[0]
	slices.SortFunc(idle, func(a, b opening) int { return int(a.sum()*1e3 - b.sum()*1e3) })
	typical := idle[len(idle)/2]
	s.add("idle resident memory of all four ("+typical.each()+")", fmt.Sprintf("%.0f MB", typical.sum()), "≤ 130 MB", typical.sum() <= 130)
	if len(versions) > 1 {
		s.compare("start to the first page, now and of the earlier version", "s", of(0, first), of(1, first))
		s.compare("idle resident memory of all four, now and of the earlier version", "MB", of(0, memory), of(1, memory))
	}
	stopped := median(of(0, func(o opening) float64 { return o.stopped.Seconds() }))
	s.add("Ctrl-C to the end", seconds(stopped), "≤ 5 s", stopped <= 5)
	return s, nil
}

// compare adds the medians of two versions. A new version may be no worse; what is less than a
// twentieth apart counts as equal.
func (s *section) compare(what, unit string, now, earlier []float64) {
	ratio := quotient(median(now), median(earlier))
	s.add(what, fmt.Sprintf("%.2f, %.2f %s (%s)", median(now), median(earlier), unit, times(ratio)), "≤ 1.05 ×", ratio <= 1.05)
}

// opening is what one start of the whole shop measured.
type opening struct {
	first, stopped time.Duration // until the first page; from Ctrl-C to the end
	memory         []float64     // MB of each process
}

func (o opening) sum() (sum float64) {
	for _, mb := range o.memory {
		sum += mb
	}
	return sum
}

func (o opening) each() string {
	var list []string
	for _, mb := range o.memory {
		list = append(list, fmt.Sprintf("%.0f", mb))
	}
	return strings.Join(list, " + ")
}

// open runs the runner, on the addresses of make run, in a temporary folder: the readers' store
// of this machine stays out of it. The memory is measured after settle.
func open(ctx context.Context, bin string, settle time.Duration) (o opening, err error) {
	if bin, err = filepath.Abs(bin); err != nil {
		return o, err
	}
	dir, err := os.MkdirTemp("", "bookstall-bench-")
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var log bytes.Buffer
	runner := exec.Command(filepath.Join(bin, "local"), "-bin", bin) //nolint:gosec // our own binary
	runner.Dir = dir
	runner.Stdout, runner.Stderr = &log, &log
	began := time.Now()
	if err := runner.Start(); err != nil {
		return o, fmt.Errorf("%w; run make build", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- runner.Wait() }()
	defer func() {
		stopping := time.Now()
		err = errors.Join(err, runner.Process.Signal(os.Interrupt), <-ended)
		o.stopped = time.Since(stopping)
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
			return o, fmt.Errorf("the shop did not open: %w\n%s", err, log.String())
		case <-ctx.Done():
			return o, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	o.first = time.Since(began)

	select {
	case <-time.After(settle):
	case <-ctx.Done():
		return o, ctx.Err()
	}
	for _, admin := range []string{"127.0.0.1:9090", "127.0.0.2:9090", "127.0.0.3:9090", "127.0.0.4:9090"} {
		resident, err := fleet.Metric("http://"+admin, "process_resident_memory_bytes")
		if err != nil {
			return o, err
		}
		o.memory = append(o.memory, resident/1e6)
	}
	return o, nil
}
