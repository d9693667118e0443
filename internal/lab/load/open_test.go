package load

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// inBubble runs a load against a shop with a fake clock.
func inBubble(t *testing.T, spoil func(began time.Time, r *http.Request), change func(*Config), see func(Report, []Call)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		listener := newPipes()
		server := &http.Server{Handler: &fakeShop{spoil: func(_ http.ResponseWriter, r *http.Request) bool {
			spoil(began, r)
			return false
		}}}
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		var calls []Call
		cfg := Config{
			Shop: "http://shop", Rate: 100, Duration: 10 * time.Second, Seed: 1,
			Dial:    func(context.Context, string, string) (net.Conn, error) { return listener.dial() },
			Observe: func(c Call) { calls = append(calls, c) },
		}
		if change != nil {
			change(&cfg)
		}
		r, err := Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		see(r, calls)
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}

// stall delays all requests that come between two times until the later one.
func stall(from, to time.Duration) func(time.Time, *http.Request) {
	return func(began time.Time, _ *http.Request) {
		if at := time.Since(began); at >= from && at < to {
			time.Sleep(to - at)
		}
	}
}

func TestAStallIsInTheLatencyOfAllCallsThatItDelayed(t *testing.T) {
	const from, to = 4 * time.Second, 4500 * time.Millisecond
	inBubble(t, stall(from, to), nil, func(r Report, calls []Call) {
		held := 0
		for _, c := range calls {
			want := time.Duration(0)
			if c.Due >= from && c.Due < to {
				want = to - c.Due
				held++
			}
			if c.Latency != want || c.Outcome != Full {
				t.Errorf("call due at %v: %v, %s, want %v", c.Due, c.Latency, c.Outcome, want)
			}
		}
		if r.Calls != 1000 || held != 50 || r.Max != 500 || r.Late != 0 {
			t.Errorf("%d calls, %d held up, max %v ms, %d late; want 1000, 50, 500 and 0", r.Calls, held, r.Max, r.Late)
		}
		// 5 % of the calls waited for 10 ms to 500 ms: 1 % for more than 400.
		if r.P50 > 1 || r.P99 < 396 || r.P99 > 414 {
			t.Errorf("p50 %v, p99 %v ms; want at most 1, and 396 to 414", r.P50, r.P99)
		}
	})
}

func TestCallsOverASecondLateAreLate(t *testing.T) {
	inBubble(t, stall(4*time.Second, 6*time.Second), nil, func(r Report, calls []Call) {
		for _, c := range calls {
			if late := c.Due >= 4*time.Second && c.Due < 5*time.Second; late != (c.Outcome == Late) {
				t.Errorf("call due at %v: %s after %v; want it late if due in the fifth second, and only then", c.Due, c.Outcome, c.Latency)
			}
		}
		if r.Late != 100 || r.Full != 900 {
			t.Errorf("%v; want 100 late and 900 full", r.Counts)
		}
		for second, row := range r.Timeline {
			if want := map[int]int64{4: 100}[second]; row.Late != want || row.Calls != 100 {
				t.Errorf("second %d: %v; want 100 calls, %d late", second, row.Counts, want)
			}
		}
	})
}

func TestTheRateIsKeptWhateverTheShopDoes(t *testing.T) {
	var mu sync.Mutex
	var came []time.Duration
	inBubble(t, func(began time.Time, r *http.Request) {
		if !asksAgain(r) {
			mu.Lock()
			came = append(came, time.Since(began))
			mu.Unlock()
		}
		stall(2*time.Second, 3*time.Second)(began, r)
	}, func(c *Config) { c.Rate = 333 }, func(r Report, _ []Call) {
		if r.Calls != 3330 || r.Seconds < 9.8 || r.Seconds > 10.2 {
			t.Errorf("%d calls in %v s, want 3330 in 10", r.Calls, r.Seconds)
		}
		perSecond := map[int]int{}
		for _, at := range came {
			perSecond[int(at.Seconds())]++
		}
		for second := range 10 {
			if n := perSecond[second]; n < 326 || n > 340 { // 2 %
				t.Errorf("second %d: %d calls reached the shop, want 326 to 340", second, n)
			}
		}
	})
}

func TestAShopThatHangsFailsCallsWithinBoundedMemory(t *testing.T) {
	inBubble(t, func(_ time.Time, r *http.Request) { <-r.Context().Done() }, func(c *Config) {
		c.MaxInFlight, c.Timeout, c.Duration = 20, 2*time.Second, time.Second
	}, func(r Report, calls []Call) {
		if r.Calls != 100 || r.Failed != 100 || r.Reasons["no answer in time"] != 20 || r.Reasons["too many calls in flight"] != 80 {
			t.Errorf("%v, reasons %v; want 100 failed: 20 without an answer, 80 above the limit", r.Counts, r.Reasons)
		}
		for _, c := range calls {
			if c.Latency != 2*time.Second {
				t.Errorf("call due at %v: %v, want its timeout", c.Due, c.Latency)
			}
		}
	})
}

func TestTheEndOfTheContextEndsArrivalsAndNotCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := newPipes()
		server := &http.Server{Handler: &fakeShop{spoil: func(http.ResponseWriter, *http.Request) bool {
			time.Sleep(500 * time.Millisecond)
			return false
		}}}
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		ctx, cancel := context.WithTimeout(t.Context(), 1950*time.Millisecond)
		defer cancel()
		r, err := Run(ctx, Config{
			Shop: "http://shop", Rate: 10, Retry: true,
			Dial: func(context.Context, string, string) (net.Conn, error) { return listener.dial() },
		})
		if err != nil || r.Calls != 20 || r.Full != 20 {
			t.Errorf("%v, reasons %v, error %v; want 20 calls, all full", r.Counts, r.Reasons, err)
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}

// TestLatencyCountsFromWhenACallWasDue delays the generator itself: its calls are sent
// late, which must be part of their latency.
func TestLatencyCountsFromWhenACallWasDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const held = 1200 * time.Millisecond
		listener := newPipes()
		server := &http.Server{Handler: &fakeShop{}}
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		var calls []Call
		cfg, err := Config{
			Shop: "http://shop", Rate: 10, Duration: 2 * time.Second,
			Dial:    func(context.Context, string, string) (net.Conn, error) { return listener.dial() },
			Observe: func(c Call) { calls = append(calls, c) },
		}.complete()
		if err != nil {
			t.Fatal(err)
		}
		g := &generator{
			cfg: cfg, client: newClient(cfg), slots: make(chan struct{}, cfg.MaxInFlight),
			mix:   newMix(cfg, offer{books: []book{{1, "One"}}, samples: []int64{7}}),
			tally: newTally(cfg, time.Now().Add(-held)),
		}
		g.arrive(t.Context())
		g.calls.Wait()
		for _, c := range calls {
			want := max(held-c.Due, 0)
			if c.Latency != want || (c.Outcome == Late) != (want > LateAfter) {
				t.Errorf("call due at %v: %s after %v, want %v", c.Due, c.Outcome, c.Latency, want)
			}
		}
		if r := g.tally.report(); r.Calls != 20 || r.Late != 2 || r.MaxLag != 1200 || r.Seconds != 1.9 {
			t.Errorf("%v in %v s, max lag %v ms; want 20 calls, 2 late, in 1.9 s, 1200 ms", r.Counts, r.Seconds, r.MaxLag)
		}
		g.client.close()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}
