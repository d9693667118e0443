package main

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"bookstall/internal/lab/fleet"
)

// TestTheTutorialInABrowser uses the page without script.
func TestTheTutorialInABrowser(t *testing.T) {
	shop := startFleet(t, fleet.Config{Replicas: 1, Tutorial: true})
	b := openBrowser(t, shop.URL)
	b.use(t, views()[0])
	b.openPlain(t, "/tutorial")
	if text := b.text(t); !strings.Contains(text, "Hello reader!") || strings.Contains(text, "Each sent back") {
		t.Errorf("the page:\n%s", text)
	}
	b.accessible(t, "tutorial")
	if err := chromedp.Do(b.ctx, chromedp.SendKeys(chromedp.CSS("#say"), "one two three")); err != nil {
		t.Fatal(err)
	}
	b.pressPlain(t, "main form button")
	b.is(t, `Array.from(document.querySelectorAll("#echoed li")).map(l => l.textContent).join() === "one,two,three"`)
	b.accessible(t, "tutorial-echo")
	b.check(t)
}
