//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"bookstall/internal/lab/load"
)

// released is an earlier version that people run, made by tools/released.sh: its images
// have the tag "released".
const released = "../../../bin/released"

// TestUpgradeFromAnEarlierVersion upgrades a release of an earlier version, with its chart,
// values and database, to this one, rolls it back, and upgrades it again, while readers
// read and write. Nothing may fail, nobody may become another reader, and everything that
// was acknowledged must be in the database.
func TestUpgradeFromAnEarlierVersion(t *testing.T) {
	commit, err := os.ReadFile(released + "/commit")
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("NOT TESTED: this clone has no history, from which the earlier version would be built; git fetch --unshallow brings it")
	} else if err != nil {
		t.Fatal(err)
	}
	t.Logf("from commit %s", commit)
	n := newNamespace(t)
	n.runHelm(t, "install", release, released+"/src/helm/bookstall", "--wait", "--timeout=90s",
		"--set=image.tag=released,image.pullPolicy=Never", "--set="+database, "--set=marketplace.requireAPIToken=false")
	shop := n.api(t)
	books := shop.bestsellers(t)

	running := n.startLoad(t, 60*time.Second)
	w := shop.startWriter(t, "kept", 100*time.Millisecond, books)
	newer := shop.startWriterOf(t, "newer", 200*time.Millisecond, books, "want", "unwant", "dismiss", "undismiss", "unpurchase")
	b := shop.startBrowsers(t, 10, books)
	until(t, patience, "every browser has liked a book", b.known)

	images := func(tag string) {
		t.Helper()
		for _, component := range []string{"recommendations", "marketplace"} {
			n.settled(t, component)
		}
		image := n.kubectl(t, "get", "deployments", "-o", "jsonpath={.items[*].spec.template.spec.containers[*].image}")
		if strings.Count(image+" ", ":"+tag+" ") != 2 {
			t.Errorf("images are %s, want those of %s", image, tag)
		}
		n.runHelm(t, "test", release, "--timeout=90s")
	}
	upgrade := func() {
		n.runHelm(t, "upgrade", release, chart, "--reset-then-reuse-values", "--set=image.tag=e2e,marketplace.formerCookies=true", prometheusHere, "--wait", "--timeout=100s")
		images("e2e")
	}
	upgrade()
	n.runHelm(t, "rollback", release, "1", "--wait", "--timeout=100s")
	images("released")
	upgrade()

	liked := b.end()
	acknowledged := append(w.acknowledged(t), newer.acknowledged(t)...)
	within(t, running.end(t), load.Planned())
	for _, a := range w.since(time.Time{}) {
		if a.status != http.StatusCreated {
			t.Errorf("write %s: status %d, %v", a.ID, a.status, a.err)
		}
	}
	// A shop of the earlier version refuses kinds that it does not know. One of this version finds a
	// replica that knows them, or answers 503 if there is none yet.
	kept := 0
	for _, a := range newer.since(time.Time{}) {
		switch a.status {
		case http.StatusCreated:
			kept++
		case http.StatusBadRequest, http.StatusServiceUnavailable:
		default:
			t.Errorf("%s %s: status %d, %v", a.Kind, a.ID, a.status, a.err)
		}
	}
	if kept == 0 {
		t.Error("no interaction of the newer kinds was stored")
	}
	readers := map[string]string{} // of each interaction in the database
	for line := range strings.Lines(n.sql(t, "SELECT id, user_id FROM interactions")) {
		id, reader, _ := strings.Cut(strings.TrimSpace(line), "|")
		readers[id] = reader
	}
	for _, id := range acknowledged {
		if readers[id] == "" {
			t.Errorf("acknowledged write %s is lost", id)
		}
	}
	for _, browser := range liked {
		first := readers[browser.likes[0]]
		for _, id := range browser.likes {
			if readers[id] == "" || readers[id] != first {
				t.Errorf("browser %s: like %s is of reader %q, the first one of %q", browser.name, id, readers[id], first)
			}
		}
		for _, failure := range browser.failures {
			t.Errorf("browser %s: %s", browser.name, failure)
		}
	}
	t.Logf("%d acknowledged writes, %d browsers with %d likes", len(acknowledged), len(liked), len(readers)-len(acknowledged))
}

// browsers are readers who look at pages and like books, each with cookies of their own.
type browsers struct {
	stop context.CancelFunc
	done sync.WaitGroup

	mu   sync.Mutex
	list []*browser
}

type browser struct {
	name string
	http *http.Client
	shop string // the shop's front page

	likes    []string // ids of the interactions that were acknowledged
	failures []string
}

// startBrowsers starts n browsers, which use the shop until end is called.
func (a shopAPI) startBrowsers(t *testing.T, n int, books []int64) *browsers {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	all := &browsers{stop: cancel}
	t.Cleanup(func() { all.end() })
	for i := range n {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		b := &browser{
			name: fmt.Sprint("browser-", i), shop: strings.TrimSuffix(a.url, "/api/v1"),
			http: &http.Client{
				Jar: jar, Timeout: 10 * time.Second,
				CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			},
		}
		all.list = append(all.list, b)
		all.done.Go(func() {
			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			for k := 0; ; k++ {
				all.visit(b, fmt.Sprintf("%s-%d", b.name, k), books[k%len(books)])
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
			}
		})
	}
	return all
}

// visit gets the front page and likes a book.
func (all *browsers) visit(b *browser, id string, book int64) {
	page, err := b.do(http.MethodGet, "/", nil)
	if err == nil && page != http.StatusOK {
		err = fmt.Errorf("status %d", page)
	}
	if err != nil {
		err = fmt.Errorf("front page: %w", err)
	} else {
		var status int
		status, err = b.do(http.MethodPost, "/interactions", url.Values{"id": {id}, "book": {fmt.Sprint(book)}, "do": {"like"}, "return": {"/"}})
		if err == nil && status != http.StatusSeeOther {
			err = fmt.Errorf("status %d", status)
		}
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	if err != nil {
		b.failures = append(b.failures, fmt.Sprintf("%s: %v", id, err))
		return
	}
	b.likes = append(b.likes, id)
}

// do makes a request and returns the status of its answer.
func (b *browser) do(method, path string, form url.Values) (status int, err error) {
	req, err := http.NewRequestWithContext(context.Background(), method, b.shop+path, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := b.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// known reports whether every browser has liked a book.
func (all *browsers) known() bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, b := range all.list {
		if len(b.likes) == 0 {
			return false
		}
	}
	return true
}

// end stops the browsers and waits for the last answers. It may be called again.
func (all *browsers) end() []*browser {
	all.stop()
	all.done.Wait()
	return all.list
}
