package main

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"bookstall/internal/lab/fleet"
)

const (
	isNobody = `document.body.dataset.reader === "nobody"`
	isSample = `document.querySelector(".sample") !== null`
)

// show brings a tab to the front.
func (b *browser) show(t *testing.T) {
	t.Helper()
	if _, err := chromedp.Call(b.ctx, page.BringToFront, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
}

// becomes waits until a condition is true of a page that is loaded again meanwhile.
func (b *browser) becomes(t *testing.T, condition string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		is, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`document.readyState === "complete" && `+condition))
		if err == nil && is {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("never %s: %v\n%s", condition, err, b.text(t))
		}
	}
}

// Every open tab shows the reader that the browser has: nobody without a live shelf, a
// reader with one from the first like on, a sample reader, the reader again, and nobody once
// the reader is forgotten.
func TestTabsShowTheReaderInABrowser(t *testing.T) {
	shop := shopWithStore(t)
	one := openBrowser(t, shop.URL)
	one.open(t, "/books/7", 200)
	two := one.tab(t)
	two.open(t, "/", 200)
	two.markVisit(t)
	two.is(t, isNobody)

	// Two likes at once, the first of this browser, are of one reader.
	one.show(t)
	one.is(t, isNobody)
	run1(t, one, chromedp.Evaluate[bool](`(() => {
		document.querySelectorAll(".shelf .like").forEach((like, i) => { if (i < 2) like.click(); });
		document.querySelector('[data-control="rating-5"]').click();
		return true;
	})()`))
	one.until(t, yourCount+` === "3"`)
	one.is(t, "!("+isNobody+")")
	// The other tab begins its live shelf, without being loaded again.
	two.show(t)
	two.until(t, yourCount+` === "3" && document.querySelector(".live[data-count]").dataset.count === "3"`)
	two.is(t, sameVisit+" && !("+isNobody+")")
	one.show(t)
	one.press(t, ".shelf .like:not(.on)")
	one.until(t, yourCount+` === "4"`)
	two.show(t)
	two.until(t, yourCount+` === "4" && `+changed+`.startsWith("Changed just now: you like")`)
	two.is(t, sameVisit)
	one.check(t)
	two.check(t)

	one.open(t, "/", 200)
	// A sample reader in one tab is shown by the other.
	choose := func(b *browser, reader string) {
		t.Helper()
		b.follow(t, 200, chromedp.Click(chromedp.CSS("details.reader summary")), chromedp.Click(chromedp.CSS(`details.reader button[value="`+reader+`"]`)))
	}
	sample := run1(t, two, chromedp.Evaluate[string](`document.querySelector('details.reader li:nth-child(2) button').value`))
	one.show(t)
	choose(one, sample)
	two.show(t)
	two.becomes(t, isSample)
	choose(two, "self")
	two.becomes(t, "!("+isSample+")")
	one.show(t)
	one.becomes(t, `document.querySelector('[aria-current="true"][value="self"]') !== null`)
	one.check(t)
	two.check(t)

	// Forgotten in one tab, the reader is gone from the other.
	one.open(t, "/your-books", 200)
	if err := chromedp.Do(one.ctx, chromedp.Click(chromedp.CSS(`form[action$="/forget"] input`))); err != nil {
		t.Fatal(err)
	}
	one.follow(t, 200, chromedp.Click(chromedp.CSS(`form[action$="/forget"] button`)))
	one.is(t, isNobody)
	two.show(t)
	two.becomes(t, isNobody+" && "+yourCount+` === ""`)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		n, err := fleet.Metric(shop.Admin, "web_live_streams")
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("nobody has %v live shelves, %v", n, err)
		}
		if n == 0 {
			break
		}
	}
	two.open(t, "/your-books", 200)
	if text := two.text(t); !strings.Contains(text, "There is nothing to forget") {
		t.Errorf("your books:\n%s", text)
	}
	two.accessible(t, "your-books-of-nobody")
	one.check(t)
	two.check(t)
}

// A page of before a first write, to which a reader returns, shows what was written.
func TestReturningToAPageOfNobodyInABrowser(t *testing.T) {
	b := openBrowser(t, shopWithStore(t).URL)
	b.open(t, "/", 200)
	b.is(t, isNobody)
	b.follow(t, 200, chromedp.Click(chromedp.CSS(`a[href="/books"]`)))
	b.press(t, ".grid .card .like")
	b.until(t, yourCount+` === "1"`)
	run1(t, b, chromedp.Evaluate[bool](`(history.back(), true)`))
	b.becomes(t, `location.pathname === "/" && `+yourCount+` === "1" && !(`+isNobody+`)`)
	b.check(t)
}

// What a file added can be taken back on "Your books", too, by the reader who brought it.
func TestTheLastFileIsTakenBackInABrowser(t *testing.T) {
	b := openBrowser(t, shopWithStore(t).URL)
	const offered = `!document.querySelector("[data-kept]").hidden`
	bring := func(title string) {
		b.open(t, "/your-books", 200)
		b.is(t, "!("+offered+")")
		run1(t, b, chromedp.Evaluate[bool](`(() => {
			const files = new DataTransfer();
			files.items.add(new File(["Title,Author,My Rating,Exclusive Shelf\n`+title+`,5,read\n"], "export.csv", { type: "text/csv" }));
			document.getElementById("file").files = files.files;
			document.querySelector('form[enctype] button').click();
			return true;
		})()`))
		b.becomes(t, `document.querySelector("form.unbring[data-owner]") !== null`)
	}
	bring("Emma,Jane Austen")
	b.open(t, "/your-books", 200)
	b.is(t, offered+` && document.querySelectorAll(".mine li").length === 1`)
	b.accessible(t, "your-books-after-a-file")
	b.follow(t, 200, chromedp.Click(chromedp.CSS("[data-kept] button")))
	b.is(t, `document.querySelector("[data-unkept]") !== null && document.querySelector(".mine li") === null && !(`+offered+`)`)

	// Once the reader is forgotten there is nothing to take back.
	bring("Emma,Jane Austen")
	b.open(t, "/your-books", 200)
	b.is(t, offered)
	if err := chromedp.Do(b.ctx, chromedp.Click(chromedp.CSS(`form[action$="/forget"] input`))); err != nil {
		t.Fatal(err)
	}
	b.follow(t, 200, chromedp.Click(chromedp.CSS(`form[action$="/forget"] button`)))
	b.is(t, "!("+offered+") && localStorage.length === 0")
	b.check(t)
}

// A browser that keeps no cookies says so, with and without script.
func TestABrowserWithoutCookies(t *testing.T) {
	b := openBrowserWith(t, shopWithStore(t).URL, `{"profile": {"default_content_setting_values": {"cookies": 2}}}`)
	b.open(t, "/books/7", 200)
	b.mu.Lock()
	b.expect = 403
	b.mu.Unlock()
	b.press(t, ".whole .like")
	b.until(t, told+`.startsWith("Your browser keeps no cookie of ours")`)
	b.is(t, `document.querySelector(".whole .like.on") === null`)
	b.check(t)

	b.openPlain(t, "/books/7")
	if err := chromedp.Do(b.ctx, chromedp.Focus(chromedp.CSS(".whole .like"))); err != nil {
		t.Fatal(err)
	}
	b.script(t, false)
	b.mu.Lock()
	b.expect = 403
	b.mu.Unlock()
	b.follow(t, 403, chromedp.KeyEvent(kb.Enter))
	b.script(t, true)
	if text := b.text(t); !strings.Contains(text, "Your browser keeps no cookie of ours") {
		t.Errorf("without script:\n%s", text)
	}
	b.accessible(t, "no-cookies")
	b.check(t)
}
