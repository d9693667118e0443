package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// Below a path that the proxy strips, a reader finds, likes and follows books in a browser.
func TestBelowAPathInABrowser(t *testing.T) {
	behind := &url.URL{Scheme: "http"}
	front := httptest.NewServer(http.StripPrefix("/shop", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(behind) }}))
	t.Cleanup(front.Close)
	shop := shopWithStore(t, "--public-url="+front.URL+"/shop")
	behind.Host = strings.TrimPrefix(shop.URL, "http://")
	b := openBrowser(t, front.URL)
	b.use(t, views()[0])

	b.open(t, "/shop/", 200)
	b.markVisit(t)
	b.is(t, `document.styleSheets[0].cssRules.length > 10`)
	b.press(t, ".shelf .card .like")
	b.until(t, `(`+changed+` || "").startsWith("Changed just now: you like")`)
	b.is(t, sameVisit)
	b.is(t, `Array.from(document.links).every(a => a.pathname.startsWith("/shop/"))`)
	b.follow(t, 200, chromedp.Click(chromedp.CSS(".shelf .card-link")))
	b.is(t, `location.pathname.startsWith("/shop/books/") && `+yourCount+` === "1"`)
	b.check(t)
	b.openPlain(t, "/shop/books/5")
	b.pressPlain(t, ".whole .like")
	b.is(t, `location.pathname === "/shop/books/5" && document.querySelector(".whole .like.on") !== null`)
	b.check(t)
}

// With script, too, a reader sees why a like is refused: here the proxy asks for a host of its
// own, and the shop knows no public URL. Browsers send no Sec-Fetch-Site to hosts other than
// this one by plain HTTP; the proxy drops it.
func TestARefusedLikeInABrowser(t *testing.T) {
	front, behind := proxy(t, "upstream.test", http.Header{"Sec-Fetch-Site": nil})
	shop := shopWithStore(t)
	behind.Host = strings.TrimPrefix(shop.URL, "http://")
	b := openBrowser(t, front.URL)
	b.open(t, "/books/7", 200)
	b.mu.Lock()
	b.expect = 403
	b.mu.Unlock()
	b.press(t, ".whole .like")
	b.until(t, told+`.includes("`+front.URL+`") && `+told+`.includes("upstream.test") && `+told+`.includes("--public-url")`)
	b.check(t)
}
