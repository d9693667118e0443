package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// usage is what a process holds.
type usage struct {
	goroutines, files float64
	heap              float64 // bytes; live ones only, where garbage was collected before
	resident          float64 // bytes
	labels            float64 // sets of labels of its metrics, those of how a call ended aside
	busy              float64 // requests and streams under way
}

// process is one that is watched.
type process struct {
	name, admin string
	quiet       []point // when nobody calls
	loaded      []point // while readers call
}

const lookTimeout = 10 * time.Second

// fetch asks an admin port.
func fetch(ctx context.Context, url string, read func(io.Reader) error) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	// A connection that is kept would be one of the files that are counted.
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: status %d", url, resp.StatusCode)
	}
	return read(resp.Body)
}

// look asks a process for its metrics.
func (p *process) look(ctx context.Context) (u usage, err error) {
	err = fetch(ctx, p.admin+"/metrics", func(text io.Reader) (err error) {
		u, err = parse(text)
		return err
	})
	if err != nil {
		return usage{}, fmt.Errorf("%s: %w", p.name, err)
	}
	return u, nil
}

// parse reads metrics in text. How a call may end has few values, some of which are
// rare, so a new one says nothing.
func parse(text io.Reader) (u usage, err error) {
	endings := regexp.MustCompile(`\b(le|status|grpc_status|code|result|reason|why|outcome)="[^"]*"`)
	wanted := map[string]*float64{
		"go_goroutines": &u.goroutines, "process_open_fds": &u.files,
		"go_memstats_heap_alloc_bytes": &u.heap, "process_resident_memory_bytes": &u.resident,
	}
	under := map[string]bool{"http_server_requests_in_flight": true, "web_live_streams": true, "recommendations_followers": true}
	found, sets := 0, map[string]bool{}
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		end := strings.LastIndexByte(line, ' ')
		if end < 0 {
			return usage{}, fmt.Errorf("metrics: %.100q is no sample", line)
		}
		name, value := line[:end], line[end+1:]
		sets[endings.ReplaceAllString(name, "")] = true
		to, known := wanted[name]
		if !known && !under[name] {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return usage{}, fmt.Errorf("metric %s: %q is not a number", name, value)
		}
		if known {
			*to = v
			found++
		} else {
			u.busy += v
		}
	}
	u.labels = float64(len(sets))
	if found < len(wanted) {
		return usage{}, errors.Join(errors.New("the metrics of the process are missing"), lines.Err())
	}
	return u, lines.Err()
}

// collect makes a process collect its garbage and returns what is left.
func (p *process) collect(ctx context.Context) (heap float64, err error) {
	// What sync.Pool keeps goes with the second collection.
	for range 2 {
		err = fetch(ctx, p.admin+"/debug/pprof/heap?gc=1&debug=1", func(text io.Reader) (err error) {
			heap, err = heapOf(text)
			return err
		})
		if err != nil {
			return 0, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return heap, nil
}

// heapOf reads a heap profile in text, which is made after the numbers at its end
// were taken.
func heapOf(text io.Reader) (float64, error) {
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "# HeapAlloc = "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, errors.Join(errors.New("the heap profile has no HeapAlloc"), lines.Err())
}

const (
	restEvery  = 60 * time.Millisecond
	restLooks  = 12 // that a process is judged by
	restWithin = 30 * time.Second
)

// rest waits until nothing is under way in any of the processes and what they hold
// does not change any more, and takes down what each of them holds then. It reports
// false if they do not come to rest, and takes down what there is.
func rest(ctx context.Context, every time.Duration, calls int64, processes []*process) (rested bool, err error) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	looks := make([][]usage, len(processes))
	for began := time.Now(); !rested && time.Since(began) < restWithin; {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return false, ctx.Err()
		}
		rested = true
		for i, p := range processes {
			u, err := p.look(ctx)
			if err != nil {
				return false, err
			}
			looks[i] = append(looks[i], u)
			looks[i] = looks[i][max(0, len(looks[i])-restLooks):]
			rested = rested && atRest(looks[i])
		}
	}
	for i, p := range processes {
		u := least(looks[i])
		if u.heap, err = p.collect(ctx); err != nil {
			return false, err
		}
		p.quiet = append(p.quiet, point{calls, u})
	}
	return rested, nil
}

// atRest reports whether nothing was under way at any of the looks, and no less is
// held at the later ones than at the earlier ones. A question to DNS or to the
// store comes and goes at any time.
func atRest(looks []usage) bool {
	if len(looks) < restLooks || slices.ContainsFunc(looks, func(u usage) bool { return u.busy > 0 }) {
		return false
	}
	earlier, later := least(looks[:restLooks/2]), least(looks[restLooks/2:])
	return earlier.goroutines == later.goroutines && earlier.files == later.files
}

// least is the last look, with the least goroutines and files of any.
func least(looks []usage) usage {
	u := looks[len(looks)-1]
	for _, l := range looks {
		u.goroutines, u.files = min(u.goroutines, l.goroutines), min(u.files, l.files)
	}
	return u
}
