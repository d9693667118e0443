package web

import (
	"net/http"
	"regexp"
	"testing"
	"time"

	"golang.org/x/text/currency"
	"golang.org/x/text/language"

	"bookstall/marketplace/internal/storefront"
)

// TestFace gives the shop a face of its own.
func TestFace(t *testing.T) {
	face := storefront.Default()
	face.Name, face.Language = "Corner <Books>", language.BritishEnglish
	face.Texts = storefront.Texts{Tagline: "Since 1974.", Heading: "From the corner", Footnote: "Closed on Mondays."}
	face.Logo = &storefront.Logo{Name: "logo.png", Content: []byte("\x89PNG\r\n\x1a\n")}
	face.Colours.Light.Accent = "#234567"
	face.Contact = storefront.Contact{Email: "books@corner.example", Phone: "+44 1632 960000", Address: "1 High Street"}
	face.Pages = []storefront.Page{{Slug: "imprint", Title: "Imprint", Body: "<h2>Who we are</h2><a href=\"/books\">"}}
	face.Links = []storefront.Link{{Text: "Events", Address: "https://events.example/"}, {Text: "Poetry first", Address: "/categories/poetry"}}
	s := newTestShop(t, fewBooks(), func(c *Config) { c.Face = face })

	front := s.get("/").want(t, http.StatusOK,
		"<html lang=\"en-GB\">", "Corner &lt;Books&gt;</title>", `content="Since 1974."`, `<h1 id="for-you">From the corner</h1>`, "Closed on Mondays.",
		`href="mailto:books@corner.example"`, "+44 1632 960000", "1 High Street", `href="/pages/imprint"`, `href="https://events.example/"`,
		`href="/categories/poetry"`)
	front.without(t, "Bookstall")
	found(t, front, `(?s)<footer.*?href="(https://events\.example/)"`) // the menu of a phone has no links
	logo := s.get(found(t, front, `src="(/static/logo\.[^"]+\.png)"`))
	if logo.StatusCode != http.StatusOK || logo.Header.Get("Content-Type") != "image/png" {
		t.Errorf("the logo is answered with %d, %s", logo.StatusCode, logo.Header.Get("Content-Type"))
	}
	s.get(found(t, front, `href="(/static/shop\.[^"]+\.css)"`)).want(t, http.StatusOK, "--accent:#234567;")

	s.get("/pages/imprint").want(t, http.StatusOK, "<title>Imprint · ", "<h1>Imprint</h1>", "<h2>Who we are</h2>").without(t, "Bookstall")
	below := newTestShop(t, fewBooks(), at(t, "http://shop.example/shop"), func(c *Config) { c.Face = face })
	below.get("/shop/pages/imprint", "Host", "shop.example").want(t, http.StatusOK, `<a href="/shop/books">`)
	below.get("/shop/sitemaps/1", "Host", "shop.example").want(t, http.StatusOK, "<loc>http://shop.example/shop/pages/imprint</loc>")
	s.get("/pages/other").want(t, http.StatusNotFound)
	s.get("/books/1").want(t, http.StatusOK, "Corner &lt;Books&gt;</a>").without(t, "Bookstall")
}

// found returns what the group of an expression matches in a page.
func found(t *testing.T, page answer, expression string) string {
	t.Helper()
	match := regexp.MustCompile(expression).FindStringSubmatch(page.body)
	if match == nil {
		t.Fatalf("nothing in the page is like %s", expression)
	}
	return match[1]
}

// The feed's sentences are English, whatever the language of numbers.
func TestTheFeedsLanguage(t *testing.T) {
	face, contents := storefront.Default(), fewBooks()
	face.Language, contents.Books[0].Added = language.German, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	s := newTestShop(t, contents, at(t, "https://shop.example"), func(c *Config) { c.Face = face })
	s.get("/new.atom").want(t, 200, ` xml:lang="en"><id>https://shop.example/new.atom</id><title>New books`)
}

// Prices and numbers are those of the language; the sentences stay English, and say so.
func TestPricesInTheShopsLanguage(t *testing.T) {
	t.Parallel()
	face := storefront.Default()
	face.Language, face.Currency = language.German, currency.EUR
	s := newTestShop(t, fewBooks(), func(c *Config) { c.Face = face })
	s.get("/books/1").want(t, http.StatusOK, `<html lang="en">`, "<p class=\"price price-large\">12,90\u00a0€</p>", "<dd>1.500</dd>")
	s.get("/books").want(t, http.StatusOK, "<p class=\"price\">12,90\u00a0€</p>")
	s.get("/api/v1/books/1").want(t, http.StatusOK, `"price":"12.90"`, `"popularity":1500`)
}
