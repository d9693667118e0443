package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"bookstall/internal/lab/fleet"
)

var screenshots = flag.String("screenshots", "", "write screenshots into this folder")

const axeFile = "../.tools/bin/axe.min.js"

// browser is one tab and its faults.
type browser struct {
	ctx  context.Context
	host string // the only host to which requests may go
	axe  string // script with the accessibility rules

	mu     sync.Mutex
	faults []string
	expect int // expected HTTP status of the page being opened
}

// openBrowser starts Chromium. Without it, or without the accessibility rules, the test
// skips.
func openBrowser(t *testing.T, shop string) *browser {
	t.Helper()
	return openBrowserWith(t, shop, "{}")
}

// openBrowserWith starts Chromium with preferences, which are JSON.
func openBrowserWith(t *testing.T, shop, preferences string) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIP (-short): starts a browser")
	}
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("SKIP (counted): no Chromium; install it to run the browser test")
	}
	rules, err := os.ReadFile(axeFile)
	if err != nil {
		t.Skip("SKIP (counted): no accessibility rules; make test fetches them if npm is installed")
	}
	shopURL, err := url.Parse(shop)
	if err != nil {
		t.Fatal(err)
	}
	profile := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(profile, "Default"), 0o700),
		os.WriteFile(filepath.Join(profile, "Default", "Preferences"), []byte(preferences), 0o600)); err != nil {
		t.Fatal(err)
	}
	b := &browser{host: shopURL.Host, axe: string(rules)}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.NoSandbox,
		chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-quic", true),
	)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	ctx, closeBrowser := chromedp.NewExecAllocator(ctx, options...)
	b.ctx, _ = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		closeBrowser()
		cancel()
	})
	if err := chromedp.Do(b.ctx); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(b.ctx, b.watch); err != nil {
		t.Fatal(err)
	}
	return b
}

// watch records console errors, exceptions and requests to other hosts as faults.
func (b *browser) watch(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" {
			b.faults = append(b.faults, fmt.Sprintf("console %s: %v", e.Type, e.Args))
		}
	case *runtime.EventExceptionThrown:
		b.faults = append(b.faults, "exception: "+e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		// The browser logs the status of an error page, which some tests expect.
		expected := b.expect >= 400 && strings.Contains(e.Entry.Text, fmt.Sprint(b.expect))
		if e.Entry.Level == "error" && !expected {
			b.faults = append(b.faults, "log: "+e.Entry.Text+" "+e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		u, err := url.Parse(e.Request.URL)
		if err != nil || u.Scheme != "data" && u.Host != b.host {
			b.faults = append(b.faults, "request to another host: "+e.Request.URL)
		}
	}
}

// check reports the faults since the last call.
func (b *browser) check(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.faults {
		t.Error(f)
	}
	b.faults = nil
}

// open opens a page and checks its status.
func (b *browser) open(t *testing.T, page string, status int) {
	t.Helper()
	b.mu.Lock()
	b.expect = status
	b.mu.Unlock()
	b.follow(t, status, chromedp.Navigate("http://"+b.host+page))
}

// follow runs steps that lead to another page, waits for it and checks its status.
func (b *browser) follow(t *testing.T, status int, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	resp, err := chromedp.RunResponse(b.ctx, steps...)
	if err != nil {
		t.Fatal(err)
	}
	if int(resp.Status) != status {
		t.Errorf("%s: status %d, want %d", resp.URL, resp.Status, status)
	}
}

func run1[T any](t *testing.T, b *browser, action chromedp.Action[T]) T {
	t.Helper()
	v, err := chromedp.Run(b.ctx, action)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// text returns the text of the page's main part.
func (b *browser) text(t *testing.T) string {
	t.Helper()
	return run1(t, b, chromedp.Evaluate[string](`document.querySelector("main").innerText`))
}

// titles returns the titles of the books on the page, in order.
func (b *browser) titles(t *testing.T) []string {
	t.Helper()
	return run1(t, b, chromedp.Evaluate[[]string](
		`Array.from(document.querySelectorAll('main a[href^="/books/"]')).map(a => a.textContent.trim()).filter(t => t)`))
}

// view is a screen size and a colour scheme.
type view struct {
	name          string
	width, height int64
	scheme        string
}

func views() []view {
	return []view{
		{"desktop", 1280, 1120, "light"},
		{"phone", 390, 844, "light"},
		{"desktop-dark", 1280, 900, "dark"},
		{"phone-dark", 360, 740, "dark"},
	}
}

func (b *browser) use(t *testing.T, v view) {
	t.Helper()
	options := []chromedp.EmulateViewportOption{}
	if v.width < 500 {
		options = append(options, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	if err := chromedp.Do(b.ctx, chromedp.ResetViewport(), chromedp.EmulateViewport(v.width, v.height, options...)); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: v.scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		},
	}); err != nil {
		t.Fatal(err)
	}
}

// accessible checks the page against the accessibility rules and the width of the
// screen, in every view. With --screenshots it also takes the screenshots of docs.
func (b *browser) accessible(t *testing.T, name string) {
	t.Helper()
	// The rules are a large script, which the page keeps.
	run1(t, b, chromedp.Evaluate[bool](b.axe+`; true`))
	for _, v := range views() {
		b.use(t, v)
		// Images load when they come into view.
		run1(t, b, chromedp.Poll[bool](`Array.from(document.images).every(i => i.complete || i.loading === "lazy")`))
		if over := run1(t, b, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`)); over > 0 {
			t.Errorf("%s, %s: the page is %d pixels wider than the screen", name, v.name, over)
		}
		found := run1(t, b, chromedp.Evaluate[[]string](`
			axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations
				.filter(v => v.impact === "serious" || v.impact === "critical")
				.map(v => v.id + ": " + v.help + " at " + v.nodes.map(n => n.target.join(" ")).join(", ")))`,
			chromedp.EvalAwaitPromise))
		for _, f := range found {
			t.Errorf("%s, %s: %s", name, v.name, f)
		}
		if *screenshots != "" && slices.Contains([]string{"front", "book", "degraded", "live", "your-books", "balance"}, name) && v.scheme == "light" {
			file := filepath.Join(*screenshots, name+"-"+v.name+".png")
			if err := os.WriteFile(file, run1(t, b, chromedp.CaptureScreenshot()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.use(t, views()[0])
}

// TestTheShopInABrowser uses the shop as a visitor does, with the real programs.
func TestTheShopInABrowser(t *testing.T) {
	shop := startFleet(t, fleet.Config{Replicas: 2})
	b := openBrowser(t, shop.URL)
	b.use(t, views()[0])

	// A new visitor sees popular books.
	b.open(t, "/", 200)
	if text := b.text(t); !strings.Contains(text, "For you") || !strings.Contains(text, "Popular with readers") {
		t.Errorf("front page:\n%s", text)
	}
	before := b.titles(t)
	b.check(t)

	// A search works without accents.
	b.follow(t, 200, chromedp.SendKeys(chromedp.CSS("#q"), "garcia marquez"), chromedp.Submit(chromedp.CSS("#q")))
	if titles := b.titles(t); len(titles) == 0 || !strings.Contains(b.text(t), "García Márquez") {
		t.Errorf("search found %v", titles)
	}
	b.accessible(t, "search")
	b.check(t)

	// The first book found.
	b.follow(t, 200, chromedp.Click(chromedp.CSS(`main a[href^="/books/"]`)))
	if text := b.text(t); !strings.Contains(text, "Readers also liked") || !strings.Contains(text, "Gabriel García Márquez") {
		t.Errorf("book page:\n%s", text)
	}
	b.accessible(t, "book")
	b.check(t)

	// A sample reader has a different shelf, with reasons.
	b.open(t, "/", 200)
	b.follow(t, 200,
		chromedp.Click(chromedp.CSS("details.reader summary")),
		chromedp.Click(chromedp.CSS(`details.reader li:nth-child(2) button`)),
	)
	if text := b.text(t); !strings.Contains(text, "Because you like") {
		t.Errorf("the sample reader's shelf gives no reason:\n%s", text)
	}
	if after := b.titles(t); strings.Join(after, "|") == strings.Join(before, "|") {
		t.Errorf("the sample reader sees what the visitor saw: %v", after)
	}
	b.accessible(t, "front")
	b.check(t)

	// A category, a second page, and a page that does not exist.
	b.open(t, "/categories/poetry", 200)
	b.accessible(t, "category")
	b.open(t, "/books?page=2", 200)
	b.open(t, "/no-such-page", 404)
	b.accessible(t, "not-found")
	b.check(t)

	// Without replicas the shop stays open and says what is missing.
	for _, r := range shop.Replicas() {
		if err := r.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		<-r.Ended()
	}
	b.open(t, "/", 200)
	if text := b.text(t); !strings.Contains(text, "away for a moment") {
		t.Errorf("the degraded page does not say so:\n%s", text)
	}
	b.accessible(t, "degraded")
	b.check(t)
}
