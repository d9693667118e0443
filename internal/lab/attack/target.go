package attack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/load"
)

// Limits of memory as the chart sets them, and the GOMEMLIMIT that it makes of them.
const (
	shopMemory    = 128 << 20
	replicaMemory = 256 << 20
)

func goMemory(limit int) string { return fmt.Sprintf("GOMEMLIMIT=%d000000B", limit>>20) }

const (
	readers = 100                    // calls a second of the reader beside
	before  = 300 * time.Millisecond // the reader is there before the attacker
	slower  = 5                      // times the reader's p99 without an attack
	slowest = 100 * time.Millisecond // the reader's p99
	backIn  = 10 * time.Second       // after the attacker has left
	// What a program may hold more than before, once an attack is over: a connection that
	// the reader beside still has, and what the programs remember of readers.
	moreThings = 6
	moreHeap   = 8 << 20
)

// target is the shop and the replicas that are attacked.
type target struct {
	*fleet.Fleet

	opts     options
	programs []*program
	quiet    load.Report // what a reader notices without an attack
	log      *lines
}

// program is one process that is watched.
type program struct {
	*fleet.Process

	memory int  // limit
	rest   held // what it holds without calls
}

// held is what a program holds.
type held struct {
	goroutines, files, slots, heap float64
}

func newTarget(ctx context.Context, bin, store string, log io.Writer, opts options) (_ *target, err error) {
	t := &target{opts: opts, log: &lines{to: log}}
	t.Fleet, err = fleet.Start(fleet.Config{
		Bin: bin, Replicas: 2, Log: t.log,
		MarketplaceArgs: []string{"--pprof"}, MarketplaceEnv: []string{goMemory(shopMemory)},
		ReplicaArgs: []string{"--pprof", "--store=" + store}, ReplicaEnv: []string{goMemory(replicaMemory)},
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.Close())
		}
	}()
	t.programs = []*program{{Process: t.Marketplace, memory: shopMemory}}
	for _, r := range t.Replicas() {
		t.programs = append(t.programs, &program{Process: r.Process, memory: replicaMemory})
	}
	if t.quiet, err = t.beside(ctx, func() { sleep(ctx, opts.quiet) }); err != nil {
		return nil, err
	}
	for _, p := range t.programs {
		if p.rest, err = p.settle(ctx); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// beside has a reader use the shop while do runs.
func (t *target) beside(ctx context.Context, do func()) (load.Report, error) {
	reading, end := context.WithCancel(ctx)
	defer end()
	go func() {
		defer end()
		sleep(ctx, before)
		do()
	}()
	return load.Run(reading, load.Config{Shop: t.URL, Rate: readers, Retry: true, Seed: 1})
}

// measure returns what a program holds now.
func (p *program) measure(ctx context.Context) (h held, err error) {
	samples, err := fleet.Samples(ctx, p.Admin)
	if err != nil {
		return h, fmt.Errorf("%s: %w", p.Name, err)
	}
	h.goroutines, h.files = samples["go_goroutines"], samples["process_open_fds"]
	for sample, value := range samples {
		switch name, _, _ := strings.Cut(sample, "{"); name {
		case "http_server_requests_in_flight", "web_live_streams", "recommendations_followers", "rpc_server_calls_running", "rpc_server_calls_waiting":
			h.slots += value
		}
	}
	return h, nil
}

// settle waits until a program holds the same for a while, has it collect its garbage, and
// returns what it holds then.
func (p *program) settle(ctx context.Context) (h held, err error) {
	const looks = 5
	for same := 0; same < looks; {
		sleep(ctx, 100*time.Millisecond)
		now, err := p.measure(ctx)
		if err != nil {
			return h, err
		}
		if same++; now != h {
			same = 0
		}
		h = now
	}
	h.heap, err = p.collect(ctx)
	return h, err
}

// collect has a program collect its garbage and returns the size of its live heap.
func (p *program) collect(ctx context.Context) (heap float64, err error) {
	for range 2 { // a sync.Pool is emptied by the second collection
		if _, err := fleet.Get(ctx, p.Admin+"/debug/pprof/heap?gc=1"); err != nil {
			return 0, err
		}
	}
	samples, err := fleet.Samples(ctx, p.Admin)
	return samples["go_memstats_heap_alloc_bytes"], err
}

// result is what came of one attack.
type result struct {
	attack attack
	did    did
	peaks  []int64 // most resident memory of each program
	reader load.Report
	back   time.Duration // until everything was given back
	faults []string
}

func (r *result) fail(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// suffer makes one attack and judges what came of it.
func (t *target) suffer(ctx context.Context, a attack) (r result, err error) {
	r.attack = a
	for _, p := range t.programs {
		if err := p.ResetPeak(); err != nil {
			return r, err
		}
	}
	var attackErr error
	r.reader, err = t.beside(ctx, func() { r.did, attackErr = t.strike(ctx, a) })
	if err != nil {
		r.fail(beside+"%v", err)
	}
	left := time.Now()
	if attackErr != nil {
		return r, fmt.Errorf("the attacker: %w", attackErr)
	}
	r.faults = append(r.faults, r.did.Wrong...)
	for _, p := range t.programs {
		select {
		case <-p.Ended():
			return r, fmt.Errorf("%s has ended", p.Name)
		default:
		}
		peak, err := p.Peak()
		if err != nil {
			return r, err
		}
		r.peaks = append(r.peaks, peak)
		if peak > int64(p.memory) {
			r.fail("%s held %d MiB, want at most %d", p.Name, peak>>20, p.memory>>20)
		}
	}
	r.judgeReader(t.quiet, r.reader)
	for _, p := range t.programs {
		if kept, err := t.waitBack(ctx, p, left); err != nil {
			return r, err
		} else if kept != "" {
			r.fail("%s", kept)
		}
	}
	r.back = time.Since(left)
	for _, line := range t.log.faults() {
		r.fail("a line of the log: %.200q", line)
	}
	return r, nil
}

// beside begins what is wrong with the reader beside.
const beside = "the reader beside: "

// judgeReader compares what the reader noticed with the limits. A connection that was cut
// before the answer began is no failure: browsers repeat a GET, as the reader does.
func (r *result) judgeReader(quiet, now load.Report) {
	for _, fault := range now.Beyond(load.Limits{Retried: now.Retried}) {
		r.fail(beside+"%s", fault)
	}
	for reason, n := range now.Reasons {
		r.fail(beside+"%d times %s", n, reason)
	}
	if most := limit(quiet); now.P99 > most {
		r.fail(beside+"p99 %.1f ms, want at most %.1f", now.P99, most)
	}
}

// limit returns the p99 that a reader may have beside an attack, in milliseconds.
func limit(quiet load.Report) float64 {
	return min(slower*quiet.P99, float64(slowest.Milliseconds()))
}

// waitBack waits until a program holds no more than before the attacks, and returns what it
// has kept if it does not give it back in time.
func (t *target) waitBack(ctx context.Context, p *program, left time.Time) (kept string, err error) {
	for {
		now, err := p.measure(ctx)
		if err != nil {
			return "", err
		}
		if now.goroutines <= p.rest.goroutines+moreThings && now.files <= p.rest.files+moreThings && now.slots == 0 {
			if now.heap, err = p.collect(ctx); err != nil {
				return "", err
			}
			if now.heap <= p.rest.heap+moreHeap {
				return "", nil
			}
		}
		if err := ctx.Err(); err != nil {
			return "", err
		}
		if time.Since(left) > backIn {
			return fmt.Sprintf("%s keeps after %v: %.0f goroutines, %.0f files, %.0f slots, %.1f MB of heap; before: %.0f, %.0f, %.0f, %.1f MB",
				p.Name, backIn, now.goroutines, now.files, now.slots, now.heap/1e6, p.rest.goroutines, p.rest.files, p.rest.slots, p.rest.heap/1e6), nil
		}
		sleep(ctx, 100*time.Millisecond)
	}
}

// The attacker has one thread for Go code and is stopped for half of the time, so that it
// has half a core at most on any system. Where cgroups may be written, cpu.max would do the
// same.
const (
	runs  = 10 * time.Millisecond
	stops = 10 * time.Millisecond
)

// strike runs the attacker's process to its end.
func (t *target) strike(ctx context.Context, a attack) (d did, err error) {
	const extra = time.Minute // attacks end by themselves
	ctx, cancel := context.WithTimeout(ctx, 2*t.opts.length+extra)
	defer cancel()
	args := append(slices.Clone(t.opts.attacker[1:]),
		"--shop="+strings.TrimPrefix(t.URL, "http://"), "--replica="+t.Replicas()[0].GRPC,
		fmt.Sprintf("--share=%g", t.opts.share), "--length="+t.opts.length.String(), a.name)
	cmd := exec.CommandContext(ctx, t.opts.attacker[0], args...) //nolint:gosec // this program
	cmd.Env = append(cmd.Environ(), "GOMAXPROCS=1")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		return d, err
	}
	ended := make(chan struct{})
	var pacing sync.WaitGroup
	pacing.Go(func() {
		for !t.opts.unpaced {
			for _, step := range []struct {
				signal syscall.Signal
				after  time.Duration
			}{{syscall.SIGSTOP, runs}, {syscall.SIGCONT, stops}} {
				select {
				case <-ended:
					return
				case <-time.After(step.after):
					_ = cmd.Process.Signal(step.signal) // it may have ended
				}
			}
		}
	})
	err = cmd.Wait()
	close(ended)
	pacing.Wait()
	if err != nil {
		return d, fmt.Errorf("%w: %s", err, stderr.Bytes())
	}
	return d, json.Unmarshal(stdout.Bytes(), &d)
}

// lines receives the logs and finds lines that are no JSON, or that have characters which
// hide something.
type lines struct {
	to io.Writer

	mu  sync.Mutex
	bad []string
}

// Write receives one line: the name of the program and what it logged.
func (l *lines) Write(line []byte) (int, error) {
	_, logged, _ := bytes.Cut(line, []byte(" "))
	hidden := bytes.ContainsFunc(bytes.TrimSuffix(logged, []byte("\n")), func(r rune) bool { return !unicode.IsGraphic(r) })
	l.mu.Lock()
	defer l.mu.Unlock()
	if !json.Valid(logged) || hidden {
		l.bad = append(l.bad, string(line))
	}
	return l.to.Write(line)
}

// faults returns the bad lines since it was last called.
func (l *lines) faults() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	bad := l.bad
	l.bad = nil
	return bad[:min(len(bad), 5)]
}
