package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"bookstall/internal/lab/fleet"
)

// generateLoad requests recommendations about 50 times a second until the test ends.
func generateLoad(t *testing.T, shop string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{}}
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for user := 1; ; user++ {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/api/v1/recommendations?user_id=%d", shop, user), http.NoBody)
			if err != nil {
				t.Error(err)
				return
			}
			if resp, err := client.Do(req); err == nil {
				_ = resp.Body.Close() // the answer does not matter
			}
		}
	})
	t.Cleanup(func() {
		stop()
		running.Wait()
		client.CloseIdleConnections()
	})
}

// rowIs is the condition that the row of a replica shows a state.
func rowIs(r *fleet.Replica, state string) string {
	return fmt.Sprintf(`document.querySelector('[data-replica="%s"].%s') !== null`, r.GRPC, state)
}

// evenly is the condition that this many replicas serve at least 20 % of the calls each.
func evenly(replicas int) string {
	return fmt.Sprintf(`Array.from(document.querySelectorAll(".replicas .serving .share")).filter(s => parseInt(s.textContent) >= 20).length === %d`, replicas)
}

// The balance page shows replicas being added and removed without a reload.
func TestTheBalanceInABrowser(t *testing.T) {
	shop := startFleet(t, fleet.Config{Replicas: 4, MarketplaceArgs: []string{"--balance"}})
	replicas := shop.Replicas()
	shop.Publish(replicas[:3]...)
	b := openBrowser(t, shop.URL)
	b.use(t, views()[0])
	generateLoad(t, shop.URL)

	b.open(t, "/", 200)
	b.is(t, `document.querySelector('footer a[href="/balance"]') !== null`)
	b.open(t, "/balance", 200)
	b.markVisit(t)
	for _, r := range replicas[:3] {
		b.until(t, rowIs(r, "serving")+` && document.querySelector('[data-replica="`+r.GRPC+`"] strong')?.textContent === "`+r.Name+`"`)
	}
	b.until(t, evenly(3))
	b.is(t, sameVisit)
	b.check(t)

	// One replica is killed, one is removed from DNS, one is added.
	if err := replicas[0].Kill(); err != nil {
		t.Fatal(err)
	}
	b.until(t, rowIs(replicas[0], "connecting")+" || "+rowIs(replicas[0], "ejected"))
	shop.Publish(replicas[0], replicas[2], replicas[3])
	b.until(t, rowIs(replicas[1], "gone")+" && "+rowIs(replicas[3], "serving"))
	b.until(t, `document.querySelector(".board dd").textContent === "2 of 3"`)
	b.until(t, evenly(2)) // the remaining one and the new one
	b.is(t, sameVisit)
	b.is(t, told+` === ""`) // screen readers do not announce every update
	b.accessible(t, "balance")
	b.is(t, sameVisit)
	b.check(t)

	b.keepsSelection(t, shop)
	b.follow(t, 200, chromedp.Focus(chromedp.CSS(`a[href="/balance?live=no"]`)), chromedp.KeyEvent(kb.Enter))
	b.is(t, `document.querySelector("[data-poll]") === null`)
	b.accessible(t, "balance-paused")
	b.check(t)

	b.stalls(t, shop)
	b.balanceWithoutScript(t, shop)
}

// stalls suspends the shop: the page says so, and recovers by itself.
func (b *browser) stalls(t *testing.T, shop *fleet.Fleet) {
	t.Helper()
	b.open(t, "/balance", 200)
	b.markVisit(t)
	if err := shop.Marketplace.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	b.until(t, `document.querySelector("[data-lost]").hidden === false`)
	b.is(t, told+`.startsWith("The shop does not answer.")`)
	if err := shop.Marketplace.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	b.until(t, `document.querySelector("[data-lost]").hidden`)
	b.is(t, sameVisit)
	b.check(t)
}

// balanceWithoutScript checks that the page works, and reloads itself, without JavaScript.
func (b *browser) balanceWithoutScript(t *testing.T, shop *fleet.Fleet) {
	t.Helper()
	b.openPlain(t, "/balance?live=no")
	if text := b.text(t); !strings.Contains(text, shop.Replicas()[2].Name) || !strings.Contains(text, "serving") || strings.Contains(text, "does not answer") {
		t.Errorf("the page without script:\n%s", text)
	}
	b.script(t, false)
	b.open(t, "/balance", 200)
	waitForRequests(t, shop, "/balance", 3)
	b.script(t, true)
	b.open(t, "/", 200) // leave the page that reloads itself
	b.check(t)
}

// waitForRequests waits until a route has served this many more requests.
func waitForRequests(t *testing.T, shop *fleet.Fleet, route string, times float64) {
	t.Helper()
	answers := func() float64 {
		n, err := fleet.Metric(shop.Admin, "http_server_request_duration_seconds_count", `route="`+route+`"`)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := answers()
	for deadline := time.Now().Add(30 * time.Second); answers() < before+times; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s served %v requests, want %v", route, answers()-before, times)
		}
	}
}

// keepsSelection checks that updates of the page keep the selected text and the focus.
func (b *browser) keepsSelection(t *testing.T, shop *fleet.Fleet) {
	t.Helper()
	run1(t, b, chromedp.Evaluate[bool](`document.querySelector('a[href="/balance?live=no"]').focus();
		getSelection().selectAllChildren(document.querySelector(".replicas .serving strong")); true`))
	selected := run1(t, b, chromedp.Evaluate[string](`getSelection().toString()`))
	waitForRequests(t, shop, "/balance/table", 3)
	b.is(t, `getSelection().toString() === "`+selected+`" && "`+selected+`" !== ""`)
	run1(t, b, chromedp.Evaluate[bool](`getSelection().removeAllRanges(); true`))
	waitForRequests(t, shop, "/balance/table", 3)
	b.is(t, `document.activeElement.getAttribute("href") === "/balance?live=no"`)
	b.check(t)
}
