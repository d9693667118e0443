package soak

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/load"
)

// usage is what a process holds.
type usage struct {
	goroutines, files float64
	heap              float64 // bytes; without garbage if it was collected before
	resident          float64 // bytes
	labels            float64 // label sets of its metrics, whatever the outcome of a call; at quiet points alone
	busy              float64 // requests and streams in flight
}

// process is a process that is watched.
type process struct {
	name, admin string
	quiet       []point // points without calls
	loaded      []point // points under load
}

// measure returns what a process holds now, by its metrics, but for their labels.
func (p *process) measure(ctx context.Context) (u usage, err error) {
	text, err := fleet.Get(ctx, p.admin+"/metrics")
	if err == nil {
		u, err = parse(bytes.NewReader(text))
	}
	if err != nil {
		return usage{}, fmt.Errorf("%s: %w", p.name, err)
	}
	return u, nil
}

func parse(text io.Reader) (u usage, err error) {
	samples, err := load.Samples(text)
	if err != nil {
		return usage{}, err
	}
	for name, to := range map[string]*float64{
		"go_goroutines": &u.goroutines, "process_open_fds": &u.files,
		"go_memstats_heap_alloc_bytes": &u.heap, "process_resident_memory_bytes": &u.resident,
	} {
		value, ok := samples[name]
		if !ok {
			return usage{}, errors.New("the metrics of the process are missing")
		}
		*to = value
	}
	for _, name := range []string{"http_server_requests_in_flight", "web_live_streams", "recommendations_followers"} {
		u.busy += samples[name]
	}
	return u, nil
}

// labels returns how many label sets the metrics of a process have. Labels that say how a
// call ended have few values, some of them rare, so a new one is no growth.
func (p *process) labels(ctx context.Context) (float64, error) {
	text, err := fleet.Get(ctx, p.admin+"/metrics")
	if err != nil {
		return 0, fmt.Errorf("%s: %w", p.name, err)
	}
	samples, err := load.Samples(bytes.NewReader(text))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", p.name, err)
	}
	endings := regexp.MustCompile(`\b(le|status|grpc_status|code|result|reason|why|outcome)="[^"]*"`)
	sets := map[string]bool{}
	for sample := range samples {
		sets[endings.ReplaceAllString(sample, "")] = true
	}
	return float64(len(sets)), nil
}

// collect makes a process collect its garbage and returns the size of its live heap.
func (p *process) collect(ctx context.Context) (heap float64, err error) {
	// A sync.Pool is emptied by the second collection.
	for range 2 {
		text, err := fleet.Get(ctx, p.admin+"/debug/pprof/heap?gc=1&debug=1")
		if err == nil {
			heap, err = heapOf(text)
		}
		if err != nil {
			return 0, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return heap, nil
}

// heapOf reads HeapAlloc from a heap profile in text. The line is near the end of a long
// text, in which a regular expression would take long to find it.
func heapOf(text []byte) (float64, error) {
	const name = "\n# HeapAlloc = "
	at := bytes.LastIndex(text, []byte(name))
	if at < 0 {
		return 0, errors.New("the heap profile has no HeapAlloc")
	}
	value, _, _ := bytes.Cut(text[at+len(name):], []byte("\n"))
	n, err := strconv.ParseUint(string(value), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the heap profile's HeapAlloc: %w", err)
	}
	return float64(n), nil
}

const (
	restEvery  = 60 * time.Millisecond
	restLooks  = 12 // looks that show whether a process is at rest
	restWithin = 30 * time.Second
)

// rest waits until the processes have nothing in flight and what they hold does not
// change any more, and records what each of them holds then. If they do not come to
// rest within that time it records what there is, and returns what was not at rest.
func rest(ctx context.Context, every, within time.Duration, calls int64, processes []*process) (restless string, err error) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	looks := make([][]usage, len(processes))
	for began := time.Now(); ; {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return "", ctx.Err()
		}
		restless = ""
		for i, p := range processes {
			u, err := p.measure(ctx)
			if err != nil {
				return "", err
			}
			looks[i] = append(looks[i], u)
			looks[i] = looks[i][max(0, len(looks[i])-restLooks):]
			if !atRest(looks[i]) {
				restless += fmt.Sprintf("%s: %.0f requests and streams in flight, %.0f goroutines, %.0f files; ", p.name, u.busy, u.goroutines, u.files)
			}
		}
		if restless == "" {
			break
		}
		if time.Since(began) > within {
			restless = fmt.Sprintf("after %s calls, waited %v (restWithin) for the processes to come to rest: %s", grouped(calls), within, strings.TrimSuffix(restless, "; "))
			break
		}
	}
	for i, p := range processes {
		u := least(looks[i])
		if u.labels, err = p.labels(ctx); err != nil {
			return "", err
		}
		if u.heap, err = p.collect(ctx); err != nil {
			return "", err
		}
		p.quiet = append(p.quiet, point{calls, u})
	}
	return restless, nil
}

// atRest reports whether nothing was in flight at any of the looks, and the later
// looks found as few goroutines and files as the earlier ones. The least of several
// looks counts, as a lookup or a query comes and goes at any time.
func atRest(looks []usage) bool {
	if len(looks) < restLooks || slices.ContainsFunc(looks, func(u usage) bool { return u.busy > 0 }) {
		return false
	}
	earlier, later := least(looks[:restLooks/2]), least(looks[restLooks/2:])
	return earlier.goroutines == later.goroutines && earlier.files == later.files
}

// least returns the last look, with the least goroutines and files of all.
func least(looks []usage) usage {
	u := looks[len(looks)-1]
	for _, l := range looks {
		u.goroutines, u.files = min(u.goroutines, l.goroutines), min(u.files, l.files)
	}
	return u
}
