package load

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const shortCalls = 150

func short(shop string) Config {
	return Config{Shop: shop, Rate: 500, Duration: shortCalls * time.Second / 500, Seed: 1}
}

func mustRun(t *testing.T, cfg Config) Report {
	t.Helper()
	r, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if sum := r.Full + r.Fallback + r.Shed + r.Failed + r.Late; sum != r.Calls {
		t.Errorf("the outcomes add up to %d calls, want %d", sum, r.Calls)
	}
	return r
}

func TestEachCallEndsAsOneOfFive(t *testing.T) {
	status := func(code int, header ...string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
			return true
		}
	}
	for name, test := range map[string]struct {
		shop   *fakeShop
		all    func(Counts) int64 // these must be all calls
		reason string
	}{
		"a good shop":                   {&fakeShop{}, func(c Counts) int64 { return c.Full }, ""},
		"503 with Retry-After":          {&fakeShop{spoil: status(503, "Retry-After", "1")}, func(c Counts) int64 { return c.Shed }, ""},
		"503 without":                   {&fakeShop{spoil: status(503)}, func(c Counts) int64 { return c.Failed }, "status 503"},
		"500":                           {&fakeShop{spoil: status(500)}, func(c Counts) int64 { return c.Failed }, "status 500"},
		"200 that says nothing":         {&fakeShop{spoil: status(200)}, func(c Counts) int64 { return c.Failed }, "answer not understood"},
		"a connection that just breaks": {&fakeShop{spoil: func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }}, func(c Counts) int64 { return c.Failed }, "connection ended"},
	} {
		t.Run(name, func(t *testing.T) {
			r := mustRun(t, short(open(t, test.shop)))
			// On a busy machine calls can be late; they cannot be anything else.
			if good := test.all(r.Counts); r.Calls != shortCalls || good == 0 || good+r.Late != shortCalls {
				t.Errorf("%v, reasons %v; want %d calls, all with one outcome or late", r.Counts, r.Reasons, shortCalls)
			}
			if test.reason != "" && r.Reasons[test.reason] == 0 {
				t.Errorf("reasons %v, want %s", r.Reasons, test.reason)
			}
			for _, kind := range []Kind{Front, Switch, Book, Search, APIKnown, APIUnknown} {
				if r.Kinds[kind].Calls == 0 && (kind != Switch || test.reason == "" && r.Shed == 0) {
					t.Errorf("kinds %v, want some of %s", r.Kinds, kind)
				}
			}
		})
	}
}

func TestAShopThatAlwaysFallsBackIsBeyondTheLimits(t *testing.T) {
	r := mustRun(t, short(open(t, &fakeShop{source: fallback})))
	for _, kind := range []Kind{Front, Book, APIKnown, APIUnknown} {
		if c := r.Kinds[kind]; c.Fallback == 0 || c.Fallback+c.Late != c.Calls {
			t.Errorf("%s: %v, want fallback only", kind, c)
		}
	}
	if r.Failed != 0 {
		t.Errorf("%v, reasons %v; want none failed", r.Counts, r.Reasons)
	}
	// The limits of each kind of drill, with the event in the middle.
	event := r.Started.Add(time.Duration(r.Seconds * float64(time.Second) / 2))
	for name, l := range map[string]Limits{
		"planned": Planned(), "unplanned": Unplanned(event), "without": Without(event, event.Add(time.Hour)),
	} {
		l.Late = r.Calls
		if beyond := r.Beyond(l); len(beyond) == 0 || !strings.Contains(beyond[0], "fallback") {
			t.Errorf("Beyond(limits of %s) = %q, want the fallback share first", name, beyond)
		}
	}
}

func TestAPersonalShelfThatIsPopularHasFailedAndTheOtherWayRound(t *testing.T) {
	for source, reason := range map[string]string{popular: "popular where personal is due", personal: "personal where popular is due"} {
		r := mustRun(t, short(open(t, &fakeShop{source: source})))
		if r.Reasons[reason] == 0 || r.Kinds[APIKnown].Full+r.Kinds[APIUnknown].Full == 0 {
			t.Errorf("every shelf %s: %v, reasons %v; want some %q and some full API calls", source, r.Kinds, r.Reasons, reason)
		}
	}
}

func TestAGetIsRetriedOnceAndCounted(t *testing.T) {
	var came atomic.Int64
	breaks := func(http.ResponseWriter, *http.Request) bool {
		if came.Add(1)%10 == 0 {
			panic(http.ErrAbortHandler)
		}
		return false
	}
	cfg := short(open(t, &fakeShop{spoil: breaks}))
	cfg.Rate, cfg.Retry = 200, true // nearly one after the other
	r := mustRun(t, cfg)
	if r.Retried == 0 || r.Failed > r.Kinds[Switch].Failed {
		t.Errorf("with Retry: %v, reasons %v; want retried calls, and only POSTs failed", r.Counts, r.Reasons)
	}
	if beyond := r.Beyond(Limits{}); !slices.ContainsFunc(beyond, func(s string) bool { return strings.Contains(s, "retried") }) {
		t.Errorf("Beyond() = %q, want the retried calls", beyond)
	}
	cfg.Retry = false
	if r := mustRun(t, cfg); r.Failed == 0 || r.Retried != 0 {
		t.Errorf("without Retry: %v, want failed calls and none retried", r.Counts)
	}
}

func TestALoadWithoutAShopSaysSo(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	cfg := short("http://127.0.0.1:1")
	var reasons []error
	cfg.Waiting = func(reason error, _ time.Duration) { reasons = append(reasons, reason) }
	if _, err := Run(ctx, cfg); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("without a shop: %v, want connection refused", err)
	}
	if len(reasons) != 1 || !strings.Contains(reasons[0].Error(), "refused") {
		t.Errorf("Waiting was called with %v, want once with connection refused", reasons)
	}
	none := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v1/books" {
			(&fakeShop{}).ServeHTTP(w, r)
		}
	})
	if _, err := Run(t.Context(), short(open(t, none))); err == nil || !strings.Contains(err.Error(), "sample readers") {
		t.Errorf("without sample readers: %v, want an error about them", err)
	}
	for want, cfg := range map[string]Config{
		"want http://HOST":   {Shop: "shop:80", Rate: 1},
		"rate 0":             {Shop: "http://shop"},
		"duration -1s":       {Shop: "http://shop", Rate: 1, Duration: -time.Second},
		"timeout -1s":        {Shop: "http://shop", Rate: 1, Timeout: -time.Second},
		"interval -1s":       {Shop: "http://shop", Rate: 1, Interval: -time.Second},
		"-1 calls in flight": {Shop: "http://shop", Rate: 1, MaxInFlight: -1},
	} {
		if _, err := Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Run(%+v) = %v, want an error with %q", cfg, err, want)
		}
	}
}
