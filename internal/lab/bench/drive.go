package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// driven is what a load saw.
type driven struct {
	total   int
	failed  int
	sources map[string]int // of good answers
	took    []time.Duration
	elapsed time.Duration
	sample  error // one of the failures
}

func (d driven) rate() float64 { return float64(d.total) / d.elapsed.Seconds() }

func (d driven) latencies() string {
	if len(d.took) == 0 {
		return "-"
	}
	sorted := slices.Sorted(slices.Values(d.took))
	at := func(q float64) time.Duration { return sorted[int(q*float64(len(sorted)-1))] }
	return fmt.Sprintf("%.1f / %.1f / %.1f ms", ms(at(0.5)), ms(at(0.99)), ms(at(1)))
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (d driven) trouble() string { return fmt.Sprintf("%d / %d", d.failed, d.sources["fallback"]) }

func (d driven) clean() bool { return d.failed == 0 && d.sources["fallback"] == 0 && d.total > 0 }

func (d driven) err() error { return d.sample }

// drive makes n calls of the JSON API, a fixed number at a time.
func drive(ctx context.Context, shop string, n int) driven {
	var left atomic.Int64
	left.Store(int64(n))
	return spread(func() bool { return left.Add(-1) >= 0 && ctx.Err() == nil }, shop, func() {})
}

// load is a load that goes on until it is stopped.
type load struct {
	quit   chan struct{}
	made   atomic.Int64
	result chan driven
}

func keepDriving(ctx context.Context, shop string) *load {
	l := &load{quit: make(chan struct{}), result: make(chan driven, 1)}
	more := func() bool {
		select {
		case <-l.quit:
			return false
		default:
			return ctx.Err() == nil
		}
	}
	go func() { l.result <- spread(more, shop, func() { l.made.Add(1) }) }()
	return l
}

func (l *load) stop() driven {
	close(l.quit)
	return <-l.result
}

// wait returns after n more calls.
func (l *load) wait(ctx context.Context, n int64) error {
	for until := l.made.Load() + n; l.made.Load() < until; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

// spread calls from several goroutines while more says so.
func spread(more func() bool, shop string, called func()) driven {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: concurrency}}
	defer client.CloseIdleConnections()
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		user atomic.Int64
		sum  = driven{sources: map[string]int{}}
	)
	began := time.Now()
	for range concurrency {
		wg.Go(func() {
			for more() {
				start := time.Now()
				source, err := ask(client, shop, 1+user.Add(1)%1000)
				took := time.Since(start)
				called()
				mu.Lock()
				sum.total++
				sum.took = append(sum.took, took)
				if err != nil {
					sum.failed++
					sum.sample = err
				} else {
					sum.sources[source]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	sum.elapsed = time.Since(began)
	return sum
}

// ask makes one call and returns the source of its answer.
func ask(client *http.Client, shop string, user int64) (string, error) {
	resp, err := client.Get(fmt.Sprintf("%s/api/v1/recommendations?user_id=%d", shop, user))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %s", resp.Status)
	}
	var answer struct {
		Source          string            `json:"source"`
		Recommendations []json.RawMessage `json:"recommendations"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return "", err
	}
	if len(answer.Recommendations) == 0 {
		return "", errors.New("an empty shelf")
	}
	return answer.Source, nil
}
