package web

import (
	"errors"
	"html"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	parser "golang.org/x/net/html"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
)

// hostile are texts that mean something else where they are not escaped for their place.
func hostile() []string {
	return []string{
		`javascript:alert(1)`, `//evil.test/`, `data:text/html,<b>`,
		`<script>alert(1)</script></title></textarea></style><img src=x onerror=alert(1)>--><!--]]>`,
		`"><svg onload="alert(1)">' autofocus onfocus='alert(1)" style="color:red` + "`${alert(1)}`",
		"{{.}} { children... } &lt;b&gt; &amp; %3Cb%3E two\nlines\r\n\tand a tab \u202eright to left\u202c\u2066 a\x00b\x1b[31m",
	}
}

// shopWithTexts returns a shop that has a text in every place where a text can be.
func shopWithTexts(t *testing.T, text string) *testShop {
	t.Helper()
	c := manyBooks()
	for i := range c.Books {
		b := &c.Books[i]
		b.Title, b.Author, b.Series, b.ISBN, b.Description, b.Language = text, text, text, text, text, text
	}
	c.Samples = []catalog.SampleReader{{ID: 7, Label: text}, {ID: 9, Label: "Reader 9: " + text}}
	return newTestShop(t, c, at(t, "http://shop.example"), func(c *Config) {
		c.Extras = []Extra{{Pattern: "GET /extra", Link: text, Answer: func(*http.Request) (ExtraAnswer, error) {
			return ExtraAnswer{}, errors.New(text)
		}}}
	})
}

// visited returns every page of a shop, and every part that its script asks for, by name.
func visited(t *testing.T, s *testShop, text string) map[string]string {
	t.Helper()
	quoted := url.QueryEscape(text)
	pages := map[string]string{}
	get := func(name string, paths ...string) {
		for _, path := range paths {
			pages[name+" "+path] = s.get(path, "Host", "shop.example").body
		}
	}
	all := []string{
		"/", "/books", "/books?page=2", "/books/1", "/categories/classics", "/categories/" + url.PathEscape(text), "/your-books", "/extra",
		"/search", "/search?q=" + quoted, "/search?q=" + quoted + "&category=classics", "/search?q=zzzz+" + quoted, "/search?q=" + quoted + "x&category=" + quoted,
		"/" + url.PathEscape(text), "/books/" + url.PathEscape(text), "/books?page=" + quoted + "&" + quoted,
	}
	get("nobody", all...)
	for _, source := range []recommend.Source{recommend.Personal, recommend.Similar, recommend.Fallback} {
		s.recommender.set(func(f *fakeRecommender) { f.source = source })
		get(string(source), "/", "/books/1", "/categories/classics")
	}
	form := func(name, path string, values url.Values) {
		pages["form "+name] = s.do("POST", path, values.Encode(), "Content-Type", formType, "Host", "shop.example").body
	}
	s.own()
	form("like", "/interactions", url.Values{"book": {"1"}, "do": {"like"}, "return": {text}})
	form("rating", "/interactions", url.Values{"book": {"2"}, "do": {"rating-3"}, "return": {"/?q=" + text}})
	get("reader", all...)
	pages["script"] = decode[struct{ HTML string }](t, s.act("1", "purchase", "Accept", "application/json", "Host", "shop.example")).HTML
	for name, values := range map[string]url.Values{
		"bad do": {"book": {"1"}, "do": {text}}, "bad book": {"book": {text}, "do": {"like"}}, "bad id": {"book": {"1"}, "do": {"like"}, "id": {text}},
	} {
		form(name, "/interactions", values)
	}
	form("not sure", "/your-books/forget", url.Values{"sure": {text}})
	s.recommender.set(func(f *fakeRecommender) { f.storeErr = recommend.ErrUnavailable })
	form("away", "/interactions", url.Values{"book": {"1"}, "do": {"like"}, "return": {"/search?q=" + quoted}})
	get("away", "/your-books")
	s.recommender.set(func(f *fakeRecommender) { f.storeErr = nil })
	s.switchTo("9", "/")
	get("sample", all...)
	return pages
}

// elements returns the elements of a page: their names, with the names of their attributes.
// Each address must be of this shop.
func elements(t *testing.T, name, page string) []string {
	t.Helper()
	var list []string
	for tokens := parser.NewTokenizer(strings.NewReader(page)); ; {
		kind := tokens.Next()
		if kind == parser.ErrorToken {
			if err := tokens.Err(); !errors.Is(err, io.EOF) {
				t.Errorf("%s: %v", name, err)
			}
			return list
		}
		token := tokens.Token()
		if kind == parser.CommentToken {
			t.Errorf("%s: the comment %q", name, token.Data)
		}
		if kind != parser.StartTagToken && kind != parser.SelfClosingTagToken {
			continue
		}
		element := []string{token.Data}
		for _, a := range token.Attr {
			element = append(element, a.Key)
			to := strings.TrimPrefix(a.Val, "http://shop.example")
			if address := slices.Contains([]string{"href", "src", "action", "data-live", "content"}, a.Key); address && a.Key != "content" &&
				to != "#main" && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//")) {
				t.Errorf("%s: %s leads to %q", name, token.Data, a.Val)
			}
		}
		list = append(list, strings.Join(element, " "))
	}
}

// A text stays a text, on every page and in every place. So a page with hostile texts has no
// element and no attribute that a page with plain ones does not have, and the text is there.
func TestTextsAreEscapedForTheirPlace(t *testing.T) {
	known := map[string]bool{}
	for name, page := range visited(t, shopWithTexts(t, "plain"), "plain") {
		for _, e := range elements(t, name, page) {
			known[e] = true
		}
	}
	if len(known) < 80 {
		t.Fatalf("only %d kinds of elements: looking in the wrong place", len(known))
	}
	for _, text := range hostile() {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			for name, page := range visited(t, shopWithTexts(t, text), text) {
				for _, e := range elements(t, name, page) {
					if !known[e] {
						t.Errorf("%s has <%s>", name, e)
					}
				}
				if strings.HasSuffix(name, " /books/1") && !strings.Contains(html.UnescapeString(page), `dir="auto">`+text+`</h1>`) {
					t.Errorf("%s has not the title as it is:\n%s", name, page)
				}
			}
		})
	}
}
