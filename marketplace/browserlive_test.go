package main

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"bookstall/internal/lab/fleet"
)

// shopWithStore starts a shop whose replicas share a store.
func shopWithStore(t *testing.T, args ...string) *fleet.Fleet {
	t.Helper()
	return startFleet(t, fleet.Config{
		Replicas: 2,
		// Long deadlines, because these tests do not measure speed.
		MarketplaceArgs: append([]string{"--recommendations-timeout=5s", "--write-timeout=5s"}, args...),
		ReplicaArgs:     []string{"--store=sqlite:" + filepath.Join(t.TempDir(), "store.db")},
	})
}

// until waits until a JavaScript condition is true.
func (b *browser) until(t *testing.T, condition string) {
	t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool](condition, chromedp.WithPollingInterval(20*time.Millisecond))); err != nil {
		t.Fatalf("never %s: %v\n%s", condition, err, b.text(t))
	}
}

// is checks a JavaScript condition now.
func (b *browser) is(t *testing.T, condition string) {
	t.Helper()
	if !run1(t, b, chromedp.Evaluate[bool](condition)) {
		t.Errorf("not %s", condition)
	}
}

// press focuses an element and presses Enter.
func (b *browser) press(t *testing.T, selector string) {
	t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.Focus(chromedp.CSS(selector)), chromedp.KeyEvent(kb.Enter)); err != nil {
		t.Fatal(err)
	}
}

const (
	changed   = `document.querySelector(".changed")?.textContent`
	yourCount = `document.querySelector("header [data-count]").textContent`
	told      = `document.getElementById("said").textContent`
	sameVisit = `window.sameVisit === true`
)

// markVisit sets a mark that sameVisit checks: a reload clears it.
func (b *browser) markVisit(t *testing.T) {
	t.Helper()
	run1(t, b, chromedp.Evaluate[bool](`window.sameVisit = true`))
}

// A visitor likes, rates and buys books, and the shelf changes without a reload.
func TestReadersLikeInABrowser(t *testing.T) {
	shop := shopWithStore(t)
	b := openBrowser(t, shop.URL)
	b.use(t, views()[0])

	// A like on the shelf changes the shelf, without a reload and by keyboard.
	b.open(t, "/", 200)
	b.markVisit(t)
	first := run1(t, b, chromedp.Evaluate[string](`document.querySelector(".shelf .card-title").textContent`))
	b.press(t, ".shelf .card .like")
	b.until(t, `(`+changed+` || "").startsWith("Changed just now: you like")`)
	b.is(t, sameVisit)
	b.is(t, yourCount+` === "1"`)
	b.is(t, told+`.startsWith("Your shelf has changed: you like")`)
	b.is(t, `document.activeElement.closest(".live") !== null`)
	if text := b.text(t); !strings.Contains(text, "Because you like "+first) {
		t.Errorf("the shelf does not follow from %s:\n%s", first, text)
	}
	b.is(t, `!Array.from(document.querySelectorAll(".live .card-title, .featured h2")).some(e => e.textContent === "`+first+`")`)
	b.accessible(t, "live")
	b.check(t)

	// A like on another page changes it too, at the latest when its tab is shown again.
	other := b.tab(t)
	other.open(t, "/books?page=2", 200)
	other.markVisit(t)
	title := run1(t, other, chromedp.Evaluate[string](`document.querySelector(".grid .card-title").textContent`))
	if err := chromedp.Do(other.ctx, chromedp.Click(chromedp.CSS(".grid .card .like"))); err != nil {
		t.Fatal(err)
	}
	other.until(t, `document.querySelector(".grid .card .like.on")?.textContent.startsWith("Liked")`)
	other.is(t, sameVisit)
	other.is(t, yourCount+` === "2"`)
	other.is(t, told+` === "You like `+title+`."`)
	other.is(t, `document.activeElement.matches(".like.on")`)
	if _, err := chromedp.Call(b.ctx, page.BringToFront, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	b.until(t, changed+`.includes("`+title+`")`)
	b.is(t, sameVisit)
	b.is(t, yourCount+` === "2"`)
	other.check(t)
	b.check(t)

	// On a book's page: rate, buy and like it, then remove the rating and the like.
	b.open(t, "/books/5", 200)
	b.markVisit(t)
	b.press(t, `[data-control="rating-4"]`)
	b.until(t, `document.querySelectorAll(".stars .on").length === 4`)
	b.is(t, `document.activeElement.dataset.control === "rating-4"`)
	b.press(t, `[data-control="purchase"]`)
	b.until(t, `document.querySelector(".bought") !== null`)
	b.press(t, `.whole .like`)
	b.until(t, `document.querySelector(".whole .like.on") !== null`)
	b.accessible(t, "book-liked")
	b.press(t, `[data-control="unrate"]`)
	b.until(t, `document.querySelectorAll(".stars .on").length === 0`)
	b.press(t, `.whole .like`)
	b.until(t, `document.querySelector(".whole .like.on") === null`)
	b.is(t, sameVisit)
	b.is(t, `document.querySelector(".bought") !== null`)
	b.check(t)

	// A book of the shelf is not for this reader: another takes its place, until that is undone.
	b.open(t, "/", 200)
	b.markVisit(t)
	unwelcome := run1(t, b, chromedp.Evaluate[string](`document.querySelector(".shelf .card-title").textContent`))
	const books = `document.querySelectorAll(".live .card").length`
	shown := run1(t, b, chromedp.Evaluate[int](books))
	onShelf := `Array.from(document.querySelectorAll(".live .card-title, .featured h2")).some(e => e.textContent === ` + strconv.Quote(unwelcome) + `)`
	b.press(t, ".shelf .card .more summary")
	b.press(t, `.shelf .card [data-control="dismiss"]`)
	b.until(t, `document.querySelector(".undo")?.textContent.includes(`+strconv.Quote(unwelcome)+`)`)
	b.is(t, sameVisit)
	b.is(t, `!`+onShelf)
	b.is(t, books+` === `+strconv.Itoa(shown))
	b.is(t, yourCount+` === "3"`)
	b.accessible(t, "dismissed")
	b.follow(t, 200, chromedp.Click(chromedp.CSS(".undo button")))
	b.is(t, `document.querySelector(".undo") === null`)
	b.is(t, onShelf)
	b.press(t, ".shelf .card .more summary")
	b.press(t, `.shelf .card [data-control="want"]`)
	b.until(t, `!`+onShelf)
	b.check(t)

	// A visitor who browses as a sample reader cannot like books.
	b.open(t, "/", 200)
	b.follow(t, 200,
		chromedp.Click(chromedp.CSS("details.reader summary")),
		chromedp.Click(chromedp.CSS(`details.reader li:nth-child(2) button`)),
	)
	b.is(t, `document.querySelector(".actions, [data-live]") === null`)
	b.open(t, "/books/5", 200)
	b.accessible(t, "book-as-sample")
	b.follow(t, 200, chromedp.Click(chromedp.CSS(".acting button")))
	b.is(t, `document.querySelector(".actions.whole") !== null`)

	b.open(t, "/your-books", 200)
	if text := b.text(t); !strings.Contains(text, "3 books that you liked, rated or bought") || !strings.Contains(text, title) {
		t.Errorf("your books:\n%s", text)
	}
	b.is(t, `document.querySelector("#wanted + .mine").textContent.includes(`+strconv.Quote(unwelcome)+`)`)
	b.accessible(t, "your-books")
	b.press(t, ".mine .like.on")
	b.until(t, yourCount+` === "2"`)
	b.check(t)
	b.withoutScript(t)
	b.losesReplicas(t, shop)
}

// tab opens another tab of the browser.
func (b *browser) tab(t *testing.T) *browser {
	t.Helper()
	o := &browser{host: b.host, axe: b.axe}
	var closeTab func()
	o.ctx, closeTab = chromedp.NewContext(b.ctx)
	t.Cleanup(closeTab)
	if err := chromedp.Do(o.ctx); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(o.ctx, o.watch); err != nil {
		t.Fatal(err)
	}
	return o
}

// script enables or disables JavaScript. The driver needs it to find elements, so it is
// disabled only while a page loads.
func (b *browser) script(t *testing.T, on bool) {
	t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on}); err != nil {
		t.Fatal(err)
	}
}

// pressPlain presses a button that leads to another page, which loads without script.
func (b *browser) pressPlain(t *testing.T, selector string) {
	t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.Focus(chromedp.CSS(selector))); err != nil {
		t.Fatal(err)
	}
	b.script(t, false)
	b.follow(t, 200, chromedp.KeyEvent(kb.Enter))
	b.script(t, true)
}

// openPlain opens a page without script.
func (b *browser) openPlain(t *testing.T, page string) {
	t.Helper()
	b.script(t, false)
	b.open(t, page, 200)
	b.script(t, true)
}

// withoutScript does the same by forms.
func (b *browser) withoutScript(t *testing.T) {
	t.Helper()
	b.openPlain(t, "/books?page=3")
	b.pressPlain(t, ".grid .card .like")
	if at := run1(t, b, chromedp.Location()); !strings.Contains(at, "/books?page=3#book-") {
		t.Errorf("a like leads to %s", at)
	}
	b.is(t, `document.querySelector(".card:target .like.on") !== null`)
	b.is(t, yourCount+` === "3"`)
	b.pressPlain(t, ".card:target .like.on")
	b.is(t, `document.querySelector(".like.on") === null`)
	b.openPlain(t, "/")
	if text := b.text(t); !strings.Contains(text, "Because you like") {
		t.Errorf("the shelf without script:\n%s", text)
	}

	if err := chromedp.Do(b.ctx, chromedp.Click(chromedp.CSS(".shelf .more summary"))); err != nil {
		t.Fatal(err)
	}
	b.pressPlain(t, `.shelf .more[open] [data-control="dismiss"]`)
	b.is(t, `document.querySelector(".undo") !== null`)
	b.pressPlain(t, ".undo button")
	b.is(t, `document.querySelector(".undo") === null`)

	b.openPlain(t, "/your-books")
	if err := chromedp.Do(b.ctx, chromedp.Click(chromedp.CSS(`form[action$="/forget"] input`))); err != nil {
		t.Fatal(err)
	}
	b.pressPlain(t, `form[action$="/forget"] button`)
	if text := b.text(t); !strings.Contains(text, "You are forgotten") || !strings.Contains(text, "Nothing yet") {
		t.Errorf("after forgetting:\n%s", text)
	}
	b.accessible(t, "forgotten")
	b.check(t)
}

// losesReplicas kills the replicas: the page reports that a like is not stored.
func (b *browser) losesReplicas(t *testing.T, shop *fleet.Fleet) {
	t.Helper()
	b.open(t, "/books/7", 200)
	for _, r := range shop.Replicas() {
		if err := r.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		<-r.Ended()
	}
	b.mu.Lock()
	b.expect = 503
	b.mu.Unlock()
	b.press(t, `.whole .like`)
	b.until(t, told+`.startsWith("That could not be kept just now")`)
	b.is(t, `document.querySelector(".whole .like.on") === null`)
	b.open(t, "/your-books", 503)
	b.accessible(t, "your-books-away")
	b.check(t)
}

// A browser that is refused a live shelf retries until there is room.
func TestALiveShelfIsOpenedLaterInABrowser(t *testing.T) {
	shop := shopWithStore(t, "--live-streams=1")
	b := openBrowser(t, shop.URL)
	b.open(t, "/", 200)
	b.press(t, ".shelf .card .like")
	b.until(t, changed+` !== undefined`) // the stream is open

	other := b.tab(t)
	other.open(t, "/", 200)
	other.mu.Lock()
	other.expect = 503 // answer of the event stream
	other.mu.Unlock()
	b.is(t, `!document.hidden`) // a hidden page closes its stream
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		refused, err := fleet.Metric(shop.Admin, "web_live_refused_total")
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("%v refused, %v", refused, err)
		}
		if refused > 0 {
			break
		}
	}
	b.open(t, "/books", 200)
	other.press(t, ".shelf .card .like")
	other.until(t, changed+` !== undefined`)
	other.check(t)
	b.check(t)
}
