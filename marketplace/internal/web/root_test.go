package web

import (
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"

	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/web/cover"
	"bookstall/marketplace/internal/web/page"
)

const testRoot = "/shop"

// below returns a shop below testRoot, behind a proxy that strips it, or passes it on.
func below(t *testing.T, strips bool, change ...func(*Config)) *testShop {
	t.Helper()
	s := newQuietShop(t, manyBooks(), append([]func(*Config){at(t, "http://127.0.0.1"+testRoot+"/")}, change...)...)
	s.t = t
	handler := s.handler
	if strips {
		handler = http.StripPrefix(testRoot, handler)
	}
	server := httptest.NewServer(s.counted(handler))
	t.Cleanup(server.Close)
	s.url, s.client = server.URL, server.Client()
	s.client.Jar, _ = cookiejar.New(nil) // never fails
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return s
}

// form is one button of a form on a page.
type form struct {
	method, action string
	values         url.Values
}

// formsOf returns the forms of a page, one for each button.
func formsOf(page string) (list []form) {
	attribute := func(tag, name string) string {
		found := regexp.MustCompile(`\s` + name + `="([^"]*)"`).FindStringSubmatch(tag)
		if found == nil {
			return ""
		}
		return html.UnescapeString(found[1])
	}
	for _, text := range regexp.MustCompile(`(?s)<form.*?</form>`).FindAllString(page, -1) {
		f := form{attribute(text, "method"), attribute(text, "action"), url.Values{}}
		for _, field := range regexp.MustCompile(`<input[^>]*>`).FindAllString(text, -1) {
			f.values.Set(attribute(field, "name"), attribute(field, "value"))
		}
		for _, button := range regexp.MustCompile(`<button[^>]*>`).FindAllString(text, -1) {
			pressed := form{f.method, f.action, url.Values{}}
			for name, values := range f.values {
				pressed.values[name] = values
			}
			if name := attribute(button, "name"); name != "" {
				pressed.values.Set(name, attribute(button, "value"))
			}
			list = append(list, pressed)
		}
	}
	return list
}

// Whether the proxy strips the path of the public URL or not, all that pages lead to is below
// it, and is there.
func TestAllAddressesAreBelowThePublicURL(t *testing.T) {
	for name, strips := range map[string]bool{"stripped": true, "passed on": false} {
		t.Run(name, func(t *testing.T) {
			s := below(t, strips, func(c *Config) {
				c.MaxStreams = 100 // one that was left may still be there
				c.Extras = []Extra{{Pattern: "GET /extra", Link: "Extra", Answer: func(*http.Request) (ExtraAnswer, error) {
					return ExtraAnswer{Title: "Extra", Main: templ.Raw("<h1>Extra</h1>")}, nil
				}}}
			})
			s.recommender.source = recommend.Personal
			s.do("POST", testRoot+"/interactions", "book=1&do=like", "Content-Type", formType).want(t, http.StatusTemporaryRedirect)
			s.do("POST", testRoot+"/interactions?again=yes", "book=1&do=like", "Content-Type", formType).want(t, http.StatusSeeOther)

			addresses := regexp.MustCompile(`\s(?:href|src|action|data-live|data-poll|name="return" value)="([^"]*)"`)
			todo, seen, forms := []string{testRoot, testRoot + "/", testRoot + "/search?q=nothing+at+all", testRoot + "/none"}, map[string]bool{}, map[string]form{}
			check := func(from, address string) (below string) {
				address, _, _ = strings.Cut(html.UnescapeString(address), "#")
				if own, found := strings.CutPrefix(address, "http://127.0.0.1"); found { // canonical
					address = own
				}
				if address != "" && address != testRoot && !strings.HasPrefix(address, testRoot+"/") || strings.HasPrefix(address, testRoot+testRoot) {
					t.Errorf("%s leads to %q", from, address)
					return ""
				}
				return address
			}
			for len(todo) > 0 {
				path := todo[0]
				todo = todo[1:]
				if seen[path] || path == "" {
					continue
				}
				seen[path] = true
				if strings.HasPrefix(path, testRoot+"/shelf/events") {
					e := s.follow(path)
					if _, event, data := e.next(t); e.StatusCode != http.StatusOK || event != "shelf" {
						t.Errorf("%s: status %d, event %q", path, e.StatusCode, event)
					} else {
						for _, match := range addresses.FindAllStringSubmatch(data, -1) {
							todo = append(todo, check(path, match[1]))
						}
					}
					e.leave()
					_ = e.Body.Close()
					continue
				}
				page := s.get(path)
				switch {
				case page.StatusCode == http.StatusMethodNotAllowed: // the action of a form
				case page.StatusCode == http.StatusTemporaryRedirect && path == testRoot: // StripPrefix leaves no path
					todo = append(todo, check(path, page.Header.Get("Location")))
				case page.StatusCode != http.StatusOK && !strings.HasSuffix(path, "/none"):
					t.Errorf("%s: status %d", path, page.StatusCode)
				}
				if !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") {
					continue
				}
				for _, match := range addresses.FindAllStringSubmatch(page.body, -1) {
					todo = append(todo, check(path, match[1]))
				}
				for _, f := range formsOf(page.body) {
					kind := f.action + f.values.Get("do") + f.values.Get("reader")
					forms[kind] = f
				}
			}
			if len(seen) < 150 {
				t.Errorf("only %d addresses found", len(seen))
			}
			b := fewBooks().Books[0]
			for _, want := range []string{"/", "/extra", "/your-books.csv", "/api/openapi.yaml", "/shelf/events", "/books/1/cover/" + cover.Hash(cover.Book{ID: 1, Title: b.Title, Author: b.Author, Category: b.Categories[0]}) + ".svg", "/your-books/forget"} {
				if !seen[testRoot+want] {
					t.Errorf("no page leads to %s", want)
				}
			}
			for kind, f := range forms {
				if f.method != "post" {
					s.get(f.action+"?"+f.values.Encode()).want(t, 200)
					continue
				}
				browser, _ := cookiejar.New(nil) // never fails
				s.client.Jar = browser
				f.values.Set("sure", "yes") // a box to tick
				body, contentType := f.values.Encode(), formType
				if f.action == testRoot+page.BringPath {
					body, contentType = fileForm(t, fromGoodreads)
				}
				asked := s.do("POST", f.action, body, "Content-Type", contentType, "Origin", s.url)
				if asked.StatusCode == http.StatusTemporaryRedirect {
					asked = s.do("POST", check(kind, asked.Header.Get("Location")), body, "Content-Type", contentType, "Origin", s.url)
				}
				if f.action == testRoot+page.BringPath { // answered by a page, with a form of its own
					for _, match := range addresses.FindAllStringSubmatch(asked.want(t, http.StatusOK).body, -1) {
						check(kind, match[1])
					}
					asked = s.do("POST", testRoot+page.UnbringPath, url.Values{"batch": {tokenOf(t, asked)}}.Encode(), "Content-Type", formType, "Origin", s.url)
				}
				asked.want(t, http.StatusSeeOther)
				s.get(check(kind, asked.Header.Get("Location"))).want(t, 200)
				for _, cookie := range asked.Cookies() {
					if cookie.Path != testRoot && cookie.Name != "reader" { // that of the version before, which knows no path
						t.Errorf("%s: the cookie %s", kind, cookie)
					}
				}
			}
			if len(forms) < 12 {
				t.Errorf("only %d forms found: %v", len(forms), forms)
			}
			unclean := s.do("GET", testRoot+"//books/.?page=2", "").want(t, http.StatusTemporaryRedirect)
			if to := unclean.Header.Get("Location"); to != testRoot+"/books?page=2" {
				t.Errorf("leads to %q", to)
			}
		})
	}
}

// A form with the address of the page before the path was set, or with that of another site,
// leads below the path.
func TestTheReturnOfAForm(t *testing.T) {
	s := below(t, false)
	for back, want := range map[string]string{
		"/shop/books?page=2#x": "/shop/books?page=2#x", "/books?page=2": "/shop/books?page=2", "/shop": "/shop/", "/shop?a": "/shop/?a", "/shopping": "/shop/shopping",
		"https://evil.test/shop/": "/shop/", "//evil.test": "/shop/", "/shop//evil.test": "/shop//evil.test", "": "/shop/",
	} {
		values := url.Values{"reader": {"self"}, "return": {back}}
		got := s.do("POST", "/shop/reader", values.Encode(), "Content-Type", formType).want(t, 303).Header.Get("Location")
		if got != want {
			t.Errorf("%q leads to %q, want %q", back, got, want)
		}
	}
}

func TestTheCookiesOfAPath(t *testing.T) {
	for public, want := range map[string]string{
		"https://shop.example":          "__Host-visitor /",
		"https://shop.example/shop":     "__Secure-visitor.shop /shop",
		"https://shop.example/a/b/":     "__Secure-visitor.a.b /a/b",
		"http://shop.example":           "visitor /",
		"http://shop.example/Book-Shop": "visitor.Book-Shop /Book-Shop",
	} {
		for _, former := range []bool{false, true} {
			s := newTestShop(t, fewBooks(), at(t, public), func(c *Config) { c.FormerCookies = former })
			var got []string
			for _, c := range s.act("1", "like", "Host", "shop.example").want(t, http.StatusTemporaryRedirect).Cookies() {
				got = append(got, c.Name+" "+c.Path)
				if c.Secure != strings.HasPrefix(public, "https:") && c.Name != "reader" {
					t.Errorf("%s: %v", public, c)
				}
			}
			wanted := []string{want}
			if former {
				wanted = append(wanted, "reader /") // as shops of that version name it, which know no path
			}
			if !slices.Equal(got, wanted) {
				t.Errorf("%s: cookies %v, want %v", public, got, wanted)
			}
		}
	}
}

func TestCanonicalLinks(t *testing.T) {
	const link = `<link rel="canonical" href="`
	s := newTestShop(t, manyBooks(), at(t, "https://shop.example/shop"))
	for path, want := range map[string]string{
		"/": "/", "/?utm_source=x": "/", "/books/1?x": "/books/1", "/books?page=2&x=y": "/books?page=2", "/books?page=1": "/books",
		"/categories/history?page=2": "/categories/history?page=2", "/search?q=jane": "", "/your-books": "",
	} {
		page := s.get(path).want(t, 200)
		if want == "" {
			page.without(t, link)
			continue
		}
		page.want(t, 200, link+`https://shop.example/shop`+want+`">`)
	}
	newTestShop(t, fewBooks()).get("/").without(t, link)
}

func TestTheServerOfTheAPI(t *testing.T) {
	for public, want := range map[string]string{"": "/", "https://shop.example": "https://shop.example", "https://shop.example/a/b": "https://shop.example/a/b"} {
		var change []func(*Config)
		if public != "" {
			change = append(change, at(t, public))
		}
		s := newTestShop(t, fewBooks(), change...)
		var doc struct{ Servers []struct{ URL string } }
		if err := yaml.Unmarshal([]byte(s.get("/api/openapi.yaml").want(t, 200).body), &doc); err != nil {
			t.Fatal(err)
		}
		if len(doc.Servers) != 1 || doc.Servers[0].URL != want {
			t.Errorf("%q: servers %v, want %s", public, doc.Servers, want)
		}
	}
}

// A path that could be read as an address of the shop is refused at start.
func TestThePathIsNoAddressOfTheShop(t *testing.T) {
	var cfg Config
	newQuietShop(t, fewBooks(), func(c *Config) { cfg = *c })
	for _, public := range []string{"http://a/books", "http://a/static/x", "http://a/api", "http://a/your-books.csv", "http://a/reader"} {
		at(t, public)(&cfg)
		cfg.Registry = prometheus.NewRegistry()
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "address of the shop itself") {
			t.Errorf("%s: %v", public, err)
		}
	}
}

// No template has an address that lacks the path of the public URL, or something that templ
// does not escape.
func TestTemplatesBuildNoAddresses(t *testing.T) {
	var files []string
	for _, pattern := range []string{"page/*.templ", "../balancepage/*.templ", "../tutorial/*.templ"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range regexp.MustCompile(`="/[^"]*"`).FindAllString(string(text), -1) {
			t.Errorf(`%s has %s, which does not go through "to"`, file, bad)
		}
		for _, bad := range regexp.MustCompile(`templ\.\w+\(`).FindAllString(string(text), -1) {
			t.Errorf(`%s has %s`, file, bad)
		}
	}
}
