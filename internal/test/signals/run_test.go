package signals

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/test/programtest"
)

const root = "../../.."

// journal keeps the log of all processes.
type journal struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.out.Write(p)
}

func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.out.String()
}

// rig is a shop with replicas, in which something happens that each signal is for.
type rig struct {
	*fleet.Fleet
	t     *testing.T
	log   *journal
	bin   string
	store string
	http  *http.Client // a browser with its cookies

	events []event
}

// note keeps what happens now, for a picture, which needs some calm before.
func (r *rig) note(what string) {
	if *pictures {
		time.Sleep(calm)
	}
	r.events = append(r.events, event{time.Now(), what})
}

func start(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, log: &journal{}, bin: programtest.Build(t), store: "--store=sqlite:" + filepath.Join(t.TempDir(), "store.db")}
	var err error
	r.Fleet, err = fleet.Start(fleet.Config{
		Bin: r.bin, Replicas: 3, TLS: true, Tutorial: true, Log: r.log,
		MarketplaceEnv: []string{"GOMEMLIMIT=1GiB"}, ReplicaEnv: []string{"GOMEMLIMIT=1GiB"},
		MarketplaceArgs: []string{"--faults", "--dns-interval=500ms", "--dns-max-stale=1s"},
		ReplicaArgs:     []string{"--faults", r.store, "--max-queue=0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	jar, _ := cookiejar.New(nil) // never fails
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	r.http = &http.Client{Jar: jar, Transport: transport, Timeout: 10 * time.Second}
	return r
}

// get asks for a page, which may be any.
func (r *rig) get(path string) {
	r.t.Helper()
	resp, err := r.http.Get(r.URL + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // nobody reads it
}

// like likes a book and returns the status.
func (r *rig) like(book string) int {
	r.t.Helper()
	resp, err := r.http.PostForm(r.URL+"/interactions", url.Values{"book": {book}, "do": {"like"}, "return": {"/"}})
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// fault injects faults into replicas.
func (r *rig) fault(faults string, replicas ...*fleet.Replica) {
	r.t.Helper()
	for _, one := range replicas {
		if err := fleet.Fault(r.t.Context(), one.Admin, faults); err != nil {
			r.t.Fatal(err)
		}
	}
}

// until does something again and again until a metric has a value that will do.
func (r *rig) until(admin, metric string, labels []string, enough func(float64) bool, do func()) {
	r.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		v, err := fleet.Metric(admin, metric, labels...)
		if err == nil && enough(v) {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("after 30 s %s%v of %s is %v (%v)", metric, labels, admin, v, err)
		}
		do()
	}
}

func some(v float64) bool { return v > 0 }

// wait does nothing while until waits.
func wait() {}

// live opens the live shelf of the browser until ctx ends.
func (r *rig) live(ctx context.Context) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL+"/shelf/events?after=0", http.NoBody)
	if err != nil {
		r.t.Fatal(err)
	}
	client := *r.http
	client.Timeout = 0
	resp, err := client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	go func() {
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body) // until ctx ends
	}()
}

// happen makes happen what the signals are for. It returns while a replica is ejected and a
// live shelf is open.
func (r *rig) happen(ctx context.Context, p *prometheus) {
	r.t.Helper()
	p.wait(r.t, "count(up == 1) == 4", wait)
	if *pictures {
		r.visitors(ctx)
	}
	for _, path := range []string{"/", "/books/1", "/search?q=the", "/api/v1/recommendations?user_id=1", "/books/999999"} {
		r.get(path)
	}
	if status := r.like("1"); status != http.StatusOK {
		r.t.Fatalf("a like: status %d", status)
	}
	r.get("/your-books")
	r.live(ctx)
	replicas := r.Replicas()
	r.note("a model is trained")
	if _, err := fleet.Recommendations(ctx, r.bin, "train", r.store); err != nil {
		r.t.Fatal(err)
	}
	r.until(replicas[1].Admin, "recommendations_model_quality_ratio", []string{`measure="recall@20"`}, some, wait)

	// A client that does not know TLS.
	conn, err := net.Dial("tcp", replicas[1].GRPC)
	if err != nil {
		r.t.Fatal(err)
	}
	_, _ = io.WriteString(conn, strings.Repeat("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 20)) // the replica may have closed it
	r.until(replicas[1].Admin, "rpc_server_handshakes_failed_total", []string{`reason="plaintext"`}, some, wait)
	_ = conn.Close()

	// All replicas fail: shelves fall back, and a like is not stored.
	r.note("all replicas fail")
	r.fault(`{"error_share":1,"code":"UNAVAILABLE"}`, replicas...)
	r.until(r.Admin, "recommend_fallbacks_total", []string{`reason="unavailable"`}, some, func() { r.get("/") })
	if status := r.like("2"); status != http.StatusServiceUnavailable {
		r.t.Errorf("a like without replicas: status %d", status)
	}
	p.wait(r.t, `ALERTS{alertname="BookstallRequestsFailFast", alertstate="firing"}`, func() { r.like("2") })
	r.note("they do not any more")
	r.fault(`{}`, replicas...)

	// DNS forgets the replicas for longer than the shop keeps them, and knows them again.
	r.note("DNS forgets the replicas")
	r.Publish()
	r.until(r.Admin, "discovery_serving_endpoints", nil, func(v float64) bool { return v == 0 }, wait)
	r.Publish(replicas...)
	r.until(r.Admin, "discovery_serving_endpoints", nil, func(v float64) bool { return v == 3 }, wait)

	// One replica hangs: a call misses its deadline, and the replica is ejected.
	r.note("one replica hangs")
	r.fault(`{"hang":true}`, replicas[0])
	r.until(r.Admin, "discovery_ejected_endpoints", nil, func(v float64) bool { return v == 1 }, func() { r.get("/") })
	r.until(r.Admin, "discovery_replica_first_call_seconds", nil, some, func() { r.get(fmt.Sprintf("/books/%d", 2)) })
}
