package main

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/test/programtest"
)

// TestTheTutorialInABrowser uses the page without script.
func TestTheTutorialInABrowser(t *testing.T) {
	bin := programtest.Build(t)
	shop, err := fleet.Start(fleet.Config{Bin: bin, Replicas: 1, Log: t.Output(), Tutorial: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := shop.Close(); err != nil {
			t.Error(err)
		}
	})
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
