package system

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"bookstall/internal/lab/fleet"
)

// startWithStore starts a shop whose replicas share a store.
func startWithStore(t *testing.T, replicas int) *fleet.Fleet {
	t.Helper()
	return start(t, fleet.Config{
		Replicas: replicas,
		// Long timeouts: the machine may be busy, and these tests measure no speed.
		MarketplaceArgs: []string{"--recommendations-timeout=5s", "--write-timeout=5s"},
		ReplicaArgs:     []string{"--store=sqlite:" + filepath.Join(t.TempDir(), "store.db")},
	})
}

// reader is a browser with its cookies.
type reader struct {
	t      *testing.T
	shop   string
	client *http.Client
}

// newReader returns a reader who has a cookie, but has done nothing yet: the first like
// brings the cookie, and is not sent again with it.
func newReader(t *testing.T, shop string) *reader {
	t.Helper()
	jar, _ := cookiejar.New(nil) // never fails
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	r := &reader{t, shop, &http.Client{Jar: jar, Transport: transport}}
	once := *r.client
	once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := once.PostForm(shop+"/interactions", url.Values{"book": {"1"}, "do": {"like"}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusTemporaryRedirect || len(resp.Cookies()) != 1 {
		t.Fatalf("a first like: %s, cookies %v", resp.Status, resp.Cookies())
	}
	return r
}

// get returns a page.
func (r *reader) get(path string) string {
	r.t.Helper()
	resp, err := r.client.Get(r.shop + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		r.t.Fatalf("%s: %d, %v", path, resp.StatusCode, err)
	}
	return string(body)
}

// like likes a book.
func (r *reader) like(book int) error {
	resp, err := r.client.PostForm(r.shop+"/interactions", url.Values{
		"book": {strconv.Itoa(book)}, "do": {"like"}, "return": {"/"},
	})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK { // after the redirect
		return fmt.Errorf("like %d: status %d", book, resp.StatusCode)
	}
	return nil
}

// follow opens the stream of the live shelf and returns, for each change, the line of
// the page that says what changed. The channel is closed when the stream ends.
func (r *reader) follow(ctx context.Context, after int64) <-chan string {
	r.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/shelf/events?after=%d", r.shop, after), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		r.t.Fatalf("events: %d", resp.StatusCode)
	}
	changes := make(chan string, 100)
	go func() {
		defer close(changes)
		defer resp.Body.Close()
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			if strings.Contains(lines.Text(), `class="changed"`) {
				changes <- lines.Text()
			}
		}
	}()
	return changes
}

// holder waits until a replica has the stream of the only follower, and returns it.
func holder(t *testing.T, replicas []*fleet.Replica) *fleet.Replica {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		for _, r := range replicas {
			if n, err := fleet.Metric(r.Admin, "recommendations_followers"); err == nil && n == 1 {
				return r
			}
		}
	}
	t.Fatal("after 10 s no replica has the stream")
	return nil
}

// next waits for the next change of a live shelf.
func next(t *testing.T, changes <-chan string) string {
	t.Helper()
	select {
	case line, ok := <-changes:
		if !ok {
			t.Fatal("the stream of the browser ended")
		}
		return line
	case <-time.After(15 * time.Second):
		t.Fatal("after 15 s the shelf has not changed")
	}
	return ""
}

// TestTheReplicaOfALiveShelfIsKilled kills the replica that has the stream before,
// while and after the reader likes a book. The reader sees each like exactly once.
func TestTheReplicaOfALiveShelfIsKilled(t *testing.T) {
	f := startWithStore(t, 4)
	r := newReader(t, f.URL)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	changes := r.follow(ctx, 0)
	alive := f.Replicas()
	kill := func() {
		held := holder(t, alive)
		if err := held.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		for i, other := range alive {
			if other == held {
				alive = append(alive[:i:i], alive[i+1:]...)
				break
			}
		}
	}
	for i, order := range []struct {
		name string
		do   func(book int) error
	}{
		{"killed, then clicked", func(book int) error { kill(); return r.like(book) }},
		{"clicked while it is killed", func(book int) error {
			done := make(chan error, 1)
			go func() { done <- r.like(book) }()
			kill()
			return <-done
		}},
		{"clicked, then killed", func(book int) error {
			err := r.like(book)
			kill()
			return err
		}},
	} {
		book := i + 1
		if err := order.do(book); err != nil {
			t.Errorf("%s: %v", order.name, err)
		}
		if line := next(t, changes); !strings.Contains(line, fmt.Sprintf(`you like <a href="/books/%d">`, book)) {
			t.Errorf("%s: %s", order.name, line)
		}
	}
	if page := r.get("/your-books"); strings.Count(page, `value="unlike"`) != 3 {
		t.Errorf("not all three likes are there:\n%s", page)
	}
	leave()
	for line := range changes {
		t.Errorf("a change came twice: %s", line)
	}
}

// TestReadersSeeTheirWritesOnEveryReplica writes through one replica and at once reads
// through another: no answer may be older than the write.
func TestReadersSeeTheirWritesOnEveryReplica(t *testing.T) {
	f := startWithStore(t, 3)
	for n := range 10 {
		r := newReader(t, f.URL)
		for book := 1; book <= 5; book++ {
			if err := r.like(10*n + book); err != nil {
				t.Fatal(err)
			}
			if got := strings.Count(r.get("/your-books"), `value="unlike"`); got != book {
				t.Fatalf("reader %d sees %d likes after %d", n, got, book)
			}
		}
	}
}

// TestAReplicaThatDrainsHandsLiveShelvesOver stops the replica that has the stream
// with SIGTERM.
func TestAReplicaThatDrainsHandsLiveShelvesOver(t *testing.T) {
	f := startWithStore(t, 2)
	r := newReader(t, f.URL)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	changes := r.follow(ctx, 0)
	held := holder(t, f.Replicas())
	began := time.Now()
	if err := held.Stop(20 * time.Second); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 4*time.Second { // one of them is the drain delay
		t.Errorf("the replica took %v to stop: the stream held it up", took)
	}
	if err := r.like(1); err != nil {
		t.Error(err)
	}
	next(t, changes)
	leave()
	for line := range changes {
		t.Errorf("a change came twice: %s", line)
	}
}
