package load

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const method = `grpc_server_call_duration_seconds_count{grpc_method="recommendations.v1.RecommendationsService/%s",grpc_status="%s"} %d` + "\n"

// process serves metrics as a replica does.
type process struct {
	calls   atomic.Int64
	started atomic.Int64
	silent  atomic.Bool
	admin   string
}

func startProcess(t *testing.T, started time.Time, calls int64) *process {
	t.Helper()
	p := &process{}
	p.started.Store(started.Unix())
	p.calls.Store(calls)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if p.silent.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, "# HELP process_start_time_seconds Start.\nprocess_start_time_seconds %v\n", float64(p.started.Load()))
		fmt.Fprintf(w, method, "Recommend", "OK", p.calls.Load())
		fmt.Fprintf(w, method, "SimilarBooks", "OK", 2*p.calls.Load())
		fmt.Fprintf(w, method, "Recommend", "INTERNAL", 1000)
		fmt.Fprintf(w, method, "Follow", "OK", 1000)
	}))
	t.Cleanup(s.Close)
	p.admin = s.URL
	return p
}

func TestCallsOfReplicasAreCountedFromTheirMetrics(t *testing.T) {
	hourAgo := time.Now().Add(-time.Hour)
	old, sick, fresh := startProcess(t, hourAgo, 100), startProcess(t, hourAgo, 50), startProcess(t, time.Now().Add(time.Minute), 4)
	listed := []*process{old, sick}
	var listErr error
	w := newWatch(Config{Replicas: func(context.Context) (urls []string, err error) {
		for _, p := range listed {
			urls = append(urls, p.admin)
		}
		return urls, listErr
	}})
	defer w.close()
	expect := func(step string, want map[*process]int64) {
		t.Helper()
		got := w.poll(t.Context())
		byName := map[string]int64{}
		for p, n := range want {
			byName[strings.TrimPrefix(p.admin, "http://")] = 3 * n // two kinds of calls
		}
		if diff := cmp.Diff(byName, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", step, diff)
		}
	}
	sick.silent.Store(true)
	expect("baseline", map[*process]int64{old: 0})
	w.began = time.Now()
	old.calls.Add(5)
	expect("five calls", map[*process]int64{old: 5})
	sick.silent.Store(false)
	expect("one that was silent at the start", map[*process]int64{old: 0, sick: 0})
	old.silent.Store(true)
	old.calls.Add(2)
	sick.calls.Add(1)
	expect("one is silent", map[*process]int64{sick: 1})
	old.silent.Store(false)
	listed = append(listed, fresh)
	expect("the silent one is counted later, and there is a new one", map[*process]int64{old: 2, sick: 0, fresh: 4})
	old.calls.Store(200)
	old.started.Store(time.Now().Unix())
	expect("one was restarted", map[*process]int64{old: 200, sick: 0, fresh: 0})
	listed, listErr = nil, errors.New("no DNS")
	fresh.calls.Add(1)
	expect("the list of replicas fails", map[*process]int64{old: 0, sick: 0, fresh: 1})
}

// TestTheFirstPollIsRepeated has a list of replicas, and then a replica, that does not
// answer at first.
func TestTheFirstPollIsRepeated(t *testing.T) {
	p := startProcess(t, time.Now().Add(-time.Hour), 100)
	p.silent.Store(true)
	looks := 0
	w := newWatch(Config{Replicas: func(context.Context) ([]string, error) {
		looks++
		p.silent.Store(looks < 3)
		if looks == 1 {
			return nil, errors.New("no DNS yet")
		}
		return []string{p.admin}, nil
	}})
	defer w.close()
	w.baseline(t.Context())
	w.began = time.Now()
	p.calls.Add(5)
	if got := w.poll(t.Context()); got[strings.TrimPrefix(p.admin, "http://")] != 15 || looks != 4 {
		t.Errorf("poll = %v after %d lookups, want 15 calls after 4", got, looks)
	}
}

func TestSharesComeFromMetricsOrElseFromTheAnswers(t *testing.T) {
	p := startProcess(t, time.Now().Add(-time.Hour), 100)
	shop := &fakeShop{}
	shop.spoil = func(http.ResponseWriter, *http.Request) bool { p.calls.Add(1); return false }
	cfg := short(open(t, shop))
	cfg.Replicas = func(context.Context) ([]string, error) { return []string{p.admin}, nil }
	if r := mustRun(t, cfg); r.ReplicasFrom != byMetrics || len(r.Replicas) != 1 || r.Replicas[0].Calls < 3*(shortCalls-1) || r.Replicas[0].Share != 1 {
		t.Errorf("from %s: %+v; want all calls from the metrics of one replica", r.ReplicasFrom, r.Replicas)
	}
	cfg.Replicas = func(context.Context) ([]string, error) { return []string{"http://127.0.0.1:1"}, nil }
	r := mustRun(t, cfg)
	if r.ReplicasFrom != byServedBy || len(r.Replicas) != 2 || r.Replicas[0].Name != "replica-0" {
		t.Fatalf("from %s: %+v; want two replicas from served_by, replica-0 first", r.ReplicasFrom, r.Replicas)
	}
	if sum := r.Replicas[0].Calls + r.Replicas[1].Calls; sum != r.Kinds[APIKnown].Calls+r.Kinds[APIUnknown].Calls {
		t.Errorf("%+v add up to %d calls, want all API calls", r.Replicas, sum)
	}
	var inTimeline int64
	for _, row := range r.Timeline {
		inTimeline += row.Replicas["replica-0"]
	}
	if inTimeline != r.Replicas[0].Calls {
		t.Errorf("the timeline has %d calls of %s, want %d", inTimeline, r.Replicas[0].Name, r.Replicas[0].Calls)
	}
}

func TestHosts(t *testing.T) {
	list, err := Hosts("localhost:9090")
	if err != nil {
		t.Fatal(err)
	}
	if urls, err := list(t.Context()); err != nil || len(urls) == 0 || !strings.HasPrefix(urls[0], "http://") || !strings.HasSuffix(urls[0], ":9090") {
		t.Errorf("URLs of localhost:9090: %v, %v; want http://ADDRESS:9090", urls, err)
	}
	for _, bad := range []string{"localhost", ":9090", "localhost:"} {
		if _, err := Hosts(bad); err == nil {
			t.Errorf("Hosts(%q) succeeds, want an error", bad)
		}
	}
}
