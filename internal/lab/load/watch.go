package load

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

const pollTimeout = time.Second

// Hosts returns a function that looks NAME:PORT up and returns the admin URLs of its
// addresses, for Config.Replicas.
func Hosts(address string) (func(context.Context) ([]string, error), error) {
	name, port, err := net.SplitHostPort(address)
	if err != nil || name == "" || port == "" {
		return nil, fmt.Errorf("%q is not a name and a port: want NAME:PORT, such as recommendations:9090", address)
	}
	return func(ctx context.Context) (urls []string, err error) {
		ips, err := net.DefaultResolver.LookupHost(ctx, name)
		for _, ip := range ips {
			urls = append(urls, "http://"+net.JoinHostPort(ip, port))
		}
		return urls, err
	}, nil
}

// watch counts the calls that replicas answer, by their metrics.
type watch struct {
	list  func(context.Context) ([]string, error)
	http  *http.Client
	began time.Time // start of the load; zero before it

	last  []string // admin URLs, by the last lookup that succeeded
	known map[string]metered
}

// metered is the part of a process's metrics that watch uses.
type metered struct {
	calls   int64
	started float64 // Unix time
}

func newWatch(cfg Config) *watch {
	return &watch{
		list: cfg.Replicas, known: map[string]metered{},
		http: &http.Client{Timeout: pollTimeout, Transport: &http.Transport{DisableKeepAlives: true}},
	}
}

func (w *watch) close() { w.http.CloseIdleConnections() }

// baselinePolls bounds how often the first poll is repeated. A poll that misses a
// replica would lose the replica's first calls.
const baselinePolls = 5

// baseline records what replicas have answered before the load.
func (w *watch) baseline(ctx context.Context) {
	for range baselinePolls {
		if seen := w.poll(ctx); len(seen) == len(w.last) && len(seen) > 0 || w.list == nil {
			return
		}
	}
}

// poll returns how many calls each replica answered since the last poll. A replica
// that does not answer is left out; its calls are in the next poll that it answers.
func (w *watch) poll(ctx context.Context) map[string]int64 {
	if w.list == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	if urls, err := w.list(ctx); err == nil {
		w.last = urls
	}
	answered := map[string]int64{}
	var mu sync.Mutex
	var asking sync.WaitGroup
	for _, admin := range w.last {
		asking.Go(func() {
			now, err := w.ask(ctx, admin)
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			answered[name(admin)] = now.calls - w.before(admin, now)
			w.known[admin] = now
		})
	}
	asking.Wait()
	return answered
}

// before returns how many of the calls were there at the last poll, or before the load.
func (w *watch) before(admin string, now metered) int64 {
	last, known := w.known[admin]
	switch {
	case known && now.calls >= last.calls && now.started == last.started:
		return last.calls
	case known: // a new process at the same address
		return 0
	case w.began.IsZero() || now.started < float64(w.began.Unix()): // older than the load
		return now.calls
	default:
		return 0
	}
}

func name(admin string) string {
	if u, err := url.Parse(admin); err == nil && u.Host != "" {
		return u.Host
	}
	return admin
}

func (w *watch) ask(ctx context.Context, admin string) (metered, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(admin, "/")+"/metrics", nil)
	if err != nil {
		return metered{}, err
	}
	resp, err := w.http.Do(req)
	if err != nil {
		return metered{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return metered{}, fmt.Errorf("%s: status %d", admin, resp.StatusCode)
	}
	samples, err := Samples(resp.Body)
	return meter(samples), err
}

// meter returns the sum of the readers' calls that succeeded: for shelves, and for
// histories, which most pages also fetch. The balancer spreads them together, so one
// kind alone would seem uneven. Streams are left out: they are not balanced call by
// call.
func meter(samples map[string]float64) metered {
	m := metered{started: samples["process_start_time_seconds"]}
	for sample, value := range samples {
		if !strings.HasPrefix(sample, "grpc_server_call_duration_seconds_count{") || !strings.Contains(sample, `grpc_status="OK"`) {
			continue
		}
		for _, method := range []string{"Recommend", "SimilarBooks", "GetHistory"} {
			if strings.Contains(sample, "RecommendationsService/"+method+`"`) {
				m.calls += int64(value)
			}
		}
	}
	return m
}

// Samples parses metrics in text. The keys are names with labels, as in the text.
func Samples(text io.Reader) (map[string]float64, error) {
	samples := map[string]float64{}
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		end := strings.LastIndexByte(line, ' ')
		if end < 0 {
			return nil, fmt.Errorf("metrics: %.100q is not a sample", line)
		}
		value, err := strconv.ParseFloat(line[end+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("metric %s: %q is not a number", line[:end], line[end+1:])
		}
		samples[line[:end]] = value
	}
	return samples, lines.Err()
}
