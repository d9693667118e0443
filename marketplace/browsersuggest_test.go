package main

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"bookstall/internal/lab/fleet"
)

// The search box suggests while one types, and is used with the keyboard alone.
func TestSuggestionsInABrowser(t *testing.T) {
	shop := startFleet(t, fleet.Config{Replicas: 1})
	b := openBrowser(t, shop.URL)
	b.use(t, views()[0])
	b.open(t, "/", 200)
	state := func() string {
		return run1(t, b, chromedp.Evaluate[string](`(() => {
			const box = document.querySelector("#q"), active = document.getElementById(box.getAttribute("aria-activedescendant"));
			return [box.getAttribute("role"), box.getAttribute("aria-expanded"), active ? active.firstElementChild.textContent : "",
				active ? active.getAttribute("aria-selected") : ""].join("|");
		})()`))
	}
	expanded := func(want string) {
		t.Helper()
		run1(t, b, chromedp.Poll[bool](`document.querySelector("#q").getAttribute("aria-expanded") === "`+want+`"`))
	}
	keys := func(text string) {
		t.Helper()
		if err := chromedp.Do(b.ctx, chromedp.SendKeys(chromedp.CSS("#q"), text)); err != nil {
			t.Fatal(err)
		}
	}
	if got := state(); got != "combobox|false||" {
		t.Errorf("before anything is typed, the box is %q", got)
	}
	keys("harry pot")
	expanded("true")
	if got := state(); got != "combobox|true||" {
		t.Errorf("nothing is chosen by itself: %q", got)
	}
	b.accessible(t, "suggestions")
	keys(kb.ArrowDown)
	if got := state(); !strings.HasPrefix(got, "combobox|true|Harry Potter") || !strings.HasSuffix(got, "|true") {
		t.Errorf("the first option is %q", got)
	}
	keys(kb.ArrowUp) // back to the box
	keys(kb.ArrowUp) // the last
	if got := state(); got != "combobox|true|Harry Potter|true" {
		t.Errorf("the last option is %q, want the series", got)
	}
	keys(kb.Escape)
	if got := run1(t, b, chromedp.Evaluate[string](`document.querySelector("#q").value`)); got != "harry pot" || state() != "combobox|false||" {
		t.Errorf("after Escape the box is %q with %q", state(), got)
	}
	keys("t")
	expanded("true")
	keys(kb.ArrowUp)
	b.follow(t, 200, chromedp.SendKeys(chromedp.CSS("#q"), kb.Enter))
	if text := b.text(t); !strings.Contains(text, "7 books in order") {
		t.Errorf("Enter on the series led to\n%s", text)
	}
	b.accessible(t, "series")

	// Without a choice, Enter searches.
	keys("tolkien")
	expanded("true")
	b.follow(t, 200, chromedp.SendKeys(chromedp.CSS("#q"), kb.Enter))
	if text := b.text(t); !strings.Contains(text, "for “tolkien”") {
		t.Errorf("Enter led to\n%s", text)
	}
	b.follow(t, 200, chromedp.Click(chromedp.CSS(`main a[href="/authors/jrr-tolkien"]`)))
	b.accessible(t, "author")

	// A list with its filters open, sent without the fields that are empty.
	b.open(t, "/books?category=poetry&price_to=20", 200)
	if err := chromedp.Do(b.ctx, chromedp.Click(chromedp.CSS(".filter summary"))); err != nil {
		t.Fatal(err)
	}
	b.accessible(t, "filters")
	b.follow(t, 200, chromedp.Click(chromedp.CSS(".filter .panel button")))
	if got := run1(t, b, chromedp.Evaluate[string](`location.search`)); got != "?category=poetry&price_to=20" {
		t.Errorf("the form leads to %s", got)
	}
	b.check(t)
}
