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

// Hosts returns the admin URLs of all addresses of NAME:PORT, at each time that
// it is called.
func Hosts(address string) (func(context.Context) ([]string, error), error) {
	name, port, err := net.SplitHostPort(address)
	if err != nil || name == "" || port == "" {
		return nil, fmt.Errorf("replicas %q: want NAME:PORT", address)
	}
	return func(ctx context.Context) (urls []string, err error) {
		ips, err := net.DefaultResolver.LookupHost(ctx, name)
		for _, ip := range ips {
			urls = append(urls, "http://"+net.JoinHostPort(ip, port))
		}
		return urls, err
	}, nil
}

// watch counts the calls that replicas answer, by their own metrics.
type watch struct {
	list  func(context.Context) ([]string, error)
	http  *http.Client
	began time.Time // zero at the first look, which only takes stock

	last  []string // admin URLs
	known map[string]metered
}

// metered is what the metrics of one process say.
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

// stockLooks bounds how often a first look is repeated: one that misses a replica
// would lose the replica's first calls.
const stockLooks = 5

// stock takes down what replicas have answered before the load.
func (w *watch) stock(ctx context.Context) {
	for range stockLooks {
		if seen := w.poll(ctx); len(seen) == len(w.last) && len(seen) > 0 || w.list == nil {
			return
		}
	}
}

// poll returns how many calls each replica answered since the last poll. One
// that does not tell is left out, and makes up for it when it does.
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

// before returns how many calls to leave out.
func (w *watch) before(admin string, now metered) int64 {
	last, known := w.known[admin]
	switch {
	case known && now.calls >= last.calls && now.started == last.started:
		return last.calls
	case known: // another process at the same address
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
	return parseMetrics(resp.Body)
}

// parseMetrics sums up the readers' calls that were answered well: for shelves, and
// for what readers did, which most pages ask for too. The calls take turns together,
// so some of them alone would seem unevenly spread. Streams are left out: they are
// not spread call by call.
func parseMetrics(text io.Reader) (m metered, err error) {
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		labels, counted := strings.CutPrefix(line, "grpc_server_call_duration_seconds_count{")
		if !counted && !strings.HasPrefix(line, "process_start_time_seconds ") {
			continue
		}
		value, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
		if err != nil {
			return metered{}, fmt.Errorf("metric %.100q: %w", line, err)
		}
		switch {
		case !counted:
			m.started = value
		case strings.Contains(labels, `grpc_status="OK"`) &&
			(strings.Contains(labels, `RecommendationsService/Recommend"`) || strings.Contains(labels, `RecommendationsService/SimilarBooks"`) ||
				strings.Contains(labels, `RecommendationsService/GetHistory"`)):
			m.calls += int64(value)
		}
	}
	return m, lines.Err()
}
