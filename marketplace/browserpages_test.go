package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bookstall/internal/lab/fleet"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// pageKinds has an address of each kind of page. Those that end with * are completed from the
// links of the pages before.
func pageKinds() []string {
	return []string{
		"/", "/books", "/books?category=poetry&price_to=20&sort=price", "/books/371", "/books/*/why", "/categories/*", "/authors/*", "/series/*",
		"/search?q=tolkein", "/search?q=zzzzzz", "/your-books", "/pages/*", "/balance", "/no-such-page",
	}
}

// noPages are the addresses that pages link to and that are no pages themselves.
var noPages = regexp.MustCompile(`^/(static/|pictures/|new\.atom|your-books\.|books/[0-9]+/cover/|api/|balance\?live)`)

// TestEveryPageInABrowser opens each kind of page and holds that it meets WCAG 2.2 at level AA
// in both schemes, that a keyboard reaches all of it and shows where it is, also in forced
// colours, that text of twice the size fits, and that it is light and stays where it is.
func TestEveryPageInABrowser(t *testing.T) {
	face := filepath.Join(t.TempDir(), "shop.yaml")
	for name, content := range map[string]string{
		face: "pages:\n  - {slug: imprint, title: Imprint, file: imprint.md}\n",
		filepath.Join(filepath.Dir(face), "imprint.md"): "# Imprint\n\n| who | where |\n|---|---|\n| Us | Here |\n",
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	shop := startFleet(t, fleet.Config{
		Replicas: 1, MarketplaceArgs: []string{"--balance", "--shop-file=" + face},
		ReplicaArgs: []string{"--store=sqlite:" + filepath.Join(t.TempDir(), "store.db")},
	})
	b := openBrowser(t, shop.URL)
	b.use(t, views()[0])

	// A reader with a history has more on the pages: reasons, the choice of variety, lists.
	b.open(t, "/", http.StatusOK)
	b.follow(t, http.StatusOK,
		chromedp.Click(chromedp.CSS("details.reader summary")),
		chromedp.Click(chromedp.CSS(`details.reader li:nth-child(2) button`)))

	var opened, linked []string
	for _, address := range pageKinds() {
		if strings.Contains(address, "*") {
			kind := kindOf(address)
			at := slices.IndexFunc(linked, func(link string) bool { return kindOf(link) == kind })
			if at < 0 {
				t.Errorf("no page links to %s", address)
				continue
			}
			address = linked[at]
		}
		t.Run(address, func(t *testing.T) { everyPage(t, b, address) })
		opened = append(opened, kindOf(address))
		linked = append(linked, run1(t, b, chromedp.Evaluate[[]string](
			`[...document.querySelectorAll("a[href]")].map(a => a.href).filter(h => new URL(h).host === location.host).map(h => h.slice(location.origin.length))`))...)
	}
	for _, link := range linked {
		if path, _, _ := strings.Cut(link, "#"); !noPages.MatchString(path) && !slices.Contains(opened, kindOf(path)) {
			t.Errorf("%s is linked, and no page of this kind was opened", link)
			opened = append(opened, kindOf(path))
		}
	}
}

// kindOf returns an address without what names one of many.
func kindOf(address string) string {
	path, _, _ := strings.Cut(address, "?")
	path, _, _ = strings.Cut(path, "#")
	parts := strings.Split(path, "/")
	if len(parts) > 2 {
		parts[2] = "*"
	}
	return strings.Join(parts, "/")
}

func everyPage(t *testing.T, b *browser, address string) {
	t.Helper()
	status := http.StatusOK
	if address == "/no-such-page" {
		status = http.StatusNotFound
	}
	b.open(t, address, status)
	light(t, b)
	run1(t, b, chromedp.Evaluate[bool](b.axe+`; true`))
	for _, v := range []view{views()[0], {"phone-dark", 360, 740, "dark"}} {
		b.use(t, v)
		for _, fault := range run1(t, b, chromedp.Evaluate[[]string](`
			axe.run(document, {resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}).then(r => r.violations
				.map(v => v.id + ": " + v.help + " at " + v.nodes.map(n => n.target.join(" ")).join(", ")))`,
			chromedp.EvalAwaitPromise)) {
			t.Errorf("%s: %s", v.name, fault)
		}
	}
	b.use(t, views()[0])
	walk(t, b)
	run1(t, b, chromedp.Evaluate[bool](`document.documentElement.style.fontSize = "200%"; true`))
	if over := run1(t, b, chromedp.Evaluate[int](wider)); over > 0 {
		t.Errorf("with text of twice the size it is %d pixels wider than the screen", over)
	}
	b.check(t)
}

// light holds what a page may cost: 60 kB compressed without pictures, two requests before it
// is painted, and nothing on it moves.
func light(t *testing.T, b *browser) {
	t.Helper()
	cost := run1(t, b, chromedp.Evaluate[struct {
		Bytes, Blocking int
		Shift           float64
	}](`new Promise(done => {
		let shift = 0;
		new PerformanceObserver(list => { for (const e of list.getEntries()) if (!e.hadRecentInput) shift += e.value; }).observe({type: "layout-shift", buffered: true});
		const measure = () => requestAnimationFrame(() => requestAnimationFrame(() => {
			const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
			const files = all.filter(e => e.initiatorType !== "img" && !e.name.includes("/events"));
			done({
				Bytes: files.reduce((sum, e) => sum + e.encodedBodySize, 0),
				Blocking: 1 + all.filter(e => e.renderBlockingStatus === "blocking").length,
				Shift: shift,
			});
		}));
		document.readyState === "complete" ? measure() : addEventListener("load", measure);
	})`, chromedp.EvalAwaitPromise))
	if cost.Bytes > 60_000 || cost.Bytes == 0 {
		t.Errorf("it has %d bytes without pictures, want 1 to 60,000", cost.Bytes)
	}
	if cost.Blocking > 2 {
		t.Errorf("it is painted after %d requests, want 2 at most", cost.Blocking)
	}
	if cost.Shift > 0.01 {
		t.Errorf("what is on it moves: a layout shift of %.3f", cost.Shift)
	}
}

// walk goes over a page by the Tab key in forced colours, in which a shadow shows nothing.
func walk(t *testing.T, b *browser) {
	t.Helper()
	forced := func(value string) {
		if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "forced-colors", Value: value}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	forced("active")
	defer forced("none")
	run1(t, b, chromedp.Evaluate[bool](`document.activeElement?.blur(); scrollTo(0, 0); true`))
	const most = 30
	reached := map[string]bool{}
	for i := range most {
		if err := chromedp.Do(b.ctx, chromedp.KeyEvent(kb.Tab)); err != nil {
			t.Fatal(err)
		}
		at := run1(t, b, chromedp.Evaluate[struct {
			Name, Fault string
			Skip        bool
		}](`(() => {
			const e = document.activeElement;
			if (!e || e === document.body) return {Name: "", Fault: "", Skip: false};
			const all = [...document.querySelectorAll("*")], style = getComputedStyle(e), r = e.getBoundingClientRect();
			let fault = "";
			if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) === 0) fault = "nothing shows that it has the focus";
			else if (r.width < 1 || r.height < 1 || r.bottom <= 0 || r.top >= innerHeight) fault = "it has the focus and is not on the screen";
			return {Name: all.indexOf(e) + " " + e.outerHTML.slice(0, 100), Fault: fault, Skip: e.matches('a[href^="#"], a[href*="#main"]')};
		})()`))
		if at.Name == "" {
			break // behind the last one
		}
		if i == 0 && !at.Skip {
			t.Errorf("the first stop is %s, want the link over the head of the page", at.Name)
		}
		if at.Fault != "" {
			t.Errorf("%s: %s", at.Name, at.Fault)
		}
		if reached[at.Name] {
			t.Errorf("the focus is at %s again", at.Name)
			break
		}
		reached[at.Name] = true
	}
	if len(reached) < 5 {
		t.Errorf("the Tab key stops %d times, want 5 or more", len(reached))
	}
}
