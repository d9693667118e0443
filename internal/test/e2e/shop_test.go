//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// shopAPI is the JSON API of the release's shop, through the Kubernetes API server,
// which passes no bearer token on: the shop must not require one.
type shopAPI struct {
	http *http.Client
	url  string
}

// api runs kubectl proxy until the test ends.
func (n *namespace) api(t *testing.T) shopAPI {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := exec.CommandContext(ctx, "kubectl", "proxy", "--port=0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	_, address, ok := strings.Cut(strings.TrimSpace(line), "Starting to serve on ")
	if !ok {
		t.Fatalf("kubectl proxy: %v: %s", err, line)
	}
	return shopAPI{
		http: &http.Client{Timeout: 10 * time.Second},
		url:  fmt.Sprintf("http://%s/api/v1/namespaces/%s/services/%s-marketplace:80/proxy/api/v1", address, n.name, release),
	}
}

// ask makes one call and decodes the body of a successful answer into v.
func (a shopAPI) ask(ctx context.Context, method, path string, body, v any) (status int, err error) {
	var text []byte
	if body != nil {
		if text, err = json.Marshal(body); err != nil {
			return 0, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, a.url+path, bytes.NewReader(text))
	if err != nil {
		return 0, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if text, err = io.ReadAll(resp.Body); err != nil {
		return 0, err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		// The shop answers errors with a problem document, the API server does not.
		if kind := resp.Header.Get("Content-Type"); kind != "application/problem+json" {
			return 0, fmt.Errorf("%s %s: not answered by the shop: status %d, %s: %.300s", method, path, resp.StatusCode, kind, text)
		}
		return resp.StatusCode, nil
	}
	if v == nil {
		return resp.StatusCode, nil
	}
	return resp.StatusCode, json.Unmarshal(text, v)
}

func (a shopAPI) get(t *testing.T, path string, v any) {
	t.Helper()
	if status, err := a.ask(t.Context(), http.MethodGet, path, nil, v); err != nil || status != http.StatusOK {
		t.Fatalf("GET %s: status %d, %v", path, status, err)
	}
}

// interaction is something a reader did with a book.
type interaction struct {
	ID     string `json:"id"`
	UserID int64  `json:"user_id"`
	BookID int64  `json:"book_id"`
	Kind   string `json:"kind"`
}

// write records an interaction and returns the reader's version.
func (a shopAPI) write(t *testing.T, i interaction) (version int64) {
	t.Helper()
	var recorded struct {
		Stored  bool
		Version int64
	}
	status, err := a.ask(t.Context(), http.MethodPost, "/interactions", i, &recorded)
	if err != nil || status != http.StatusCreated || !recorded.Stored {
		t.Fatalf("%+v: status %d, %+v, %v", i, status, recorded, err)
	}
	return recorded.Version
}

// shelf is a list of recommendations.
type shelf struct {
	Source          string
	ServedBy        string `json:"served_by"`
	Recommendations []struct{ ID int64 }
}

// agreement gets a reader's shelf until each replica has answered, fails the test
// unless all answers are the same, and returns the shelf.
func (a shopAPI) agreement(t *testing.T, reader, version int64, replicas []string) string {
	t.Helper()
	shelves := map[string]string{}
	for range 20 * len(replicas) {
		var s shelf
		a.get(t, fmt.Sprintf("/recommendations?user_id=%d&min_version=%d&max_results=20", reader, version), &s)
		if s.Source != "personal" || len(s.Recommendations) != 20 {
			t.Fatalf("reader %d: %d books, source %s, from replica %s", reader, len(s.Recommendations), s.Source, s.ServedBy)
		}
		shelves[s.ServedBy] = fmt.Sprint(s.Recommendations)
		if len(shelves) == len(replicas) {
			break
		}
	}
	first := shelves[replicas[0]]
	for _, r := range replicas {
		if shelves[r] == "" || shelves[r] != first {
			t.Errorf("reader %d: %s gives %q, %s gives %q", reader, r, shelves[r], replicas[0], first)
		}
	}
	return first
}

// history returns a reader's history, the latest book first.
func (a shopAPI) history(t *testing.T, reader, version int64) string {
	t.Helper()
	var h struct {
		Entries []json.RawMessage
	}
	a.get(t, fmt.Sprintf("/readers/%d/history?min_version=%d", reader, version), &h)
	return fmt.Sprintf("%d: %s", len(h.Entries), h.Entries)
}

// attempt is one write of a writer.
type attempt struct {
	interaction
	sent   time.Time
	took   time.Duration
	status int
	err    error
}

// writer sends writes at a steady rate, without waiting for the answers to earlier
// ones.
type writer struct {
	api  shopAPI
	log  *os.File // ids of acknowledged writes, one per line
	stop chan struct{}
	done sync.WaitGroup

	mu       sync.Mutex
	attempts []attempt
}

// startWriter makes readers like books until end is called.
func (a shopAPI) startWriter(t *testing.T, name string, every time.Duration, books []int64) *writer {
	t.Helper()
	return a.startWriterOf(t, name, every, books, "like")
}

// startWriterOf does one kind of interaction after the other.
func (a shopAPI) startWriterOf(t *testing.T, name string, every time.Duration, books []int64, kinds ...string) *writer {
	t.Helper()
	log, err := os.Create(t.TempDir() + "/acknowledged")
	if err != nil {
		t.Fatal(err)
	}
	w := &writer{api: a, log: log, stop: make(chan struct{})}
	w.done.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-w.stop:
				return
			case <-tick.C:
			}
			w.done.Go(func() {
				w.write(interaction{
					ID: fmt.Sprintf("%s-%d", name, n), UserID: 910_000 + int64(n%50), BookID: books[n/50%len(books)], Kind: kinds[n%len(kinds)],
				})
			})
		}
	})
	t.Cleanup(func() { w.end() })
	return w
}

func (w *writer) write(i interaction) {
	a := attempt{interaction: i, sent: time.Now()}
	a.status, a.err = w.api.ask(context.Background(), http.MethodPost, "/interactions", i, nil)
	a.took = time.Since(a.sent)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.attempts = append(w.attempts, a)
	if a.status == http.StatusCreated {
		if _, err := fmt.Fprintln(w.log, i.ID); err != nil {
			w.attempts = append(w.attempts, attempt{interaction: i, err: err})
		}
	}
}

// since returns the answered writes that were sent after a time.
func (w *writer) since(at time.Time) (list []attempt) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.attempts {
		if a.sent.After(at) {
			list = append(list, a)
		}
	}
	return list
}

// end stops the writer and waits for the last answers. It may be called again.
func (w *writer) end() {
	w.mu.Lock()
	select {
	case <-w.stop:
	default:
		close(w.stop)
	}
	w.mu.Unlock()
	w.done.Wait()
}

// acknowledged stops the writer and returns the ids in its log.
func (w *writer) acknowledged(t *testing.T) []string {
	t.Helper()
	w.end()
	text, err := os.ReadFile(w.log.Name())
	if err == nil {
		err = w.log.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}
