package web

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bookstall/marketplace/internal/edge"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/signed"
)

const readerHeader = "X-Auth-Request-User"

// signingIn makes a shop believe a proxy at an address, and the header in which it names
// readers. Tests come from 127.0.0.1.
func signingIn(t *testing.T, proxy string) func(*Config) {
	t.Helper()
	e, err := edge.New(edge.Config{Proxies: edge.Proxies{netip.MustParsePrefix(proxy + "/32")}, ReaderHeader: readerHeader})
	if err != nil {
		t.Fatal(err)
	}
	return func(c *Config) { c.Edge = e }
}

// Readers whom a proxy names have their own shelf, books and writes, and get no cookie.
func TestReadersWhoAreSignedIn(t *testing.T) {
	s := newTestShop(t, fewBooks(), signingIn(t, "127.0.0.1"))
	s.recommender.source = recommend.Personal
	ann, bob := []string{readerHeader, "42"}, []string{readerHeader, "43"}
	as := func(who []string, more ...string) []string { return append(append([]string{}, who...), more...) }
	post := func(path string, values url.Values, headers ...string) answer {
		return s.do("POST", path, values.Encode(), append(headers, "Content-Type", formType)...)
	}

	page := s.get("/", ann...).want(t, 200, "You are signed in", `data-live="/shelf/events"`).without(t, "Reading as")
	if id, _, _ := s.recommender.asked(); id != 42 {
		t.Errorf("the shelf is that of reader %d", id)
	}
	like := post("/interactions", url.Values{"book": {"1"}, "do": {"like"}, "return": {"/books/1"}}, ann...).want(t, http.StatusSeeOther)
	books := s.get("/your-books", ann...).want(t, 200, "The Hobbit", "Forget me").without(t, "the cookies that say who you are")
	s.get("/your-books", bob...).want(t, 200, "Nothing yet")
	table := s.get("/your-books.csv", ann...).want(t, 200, "The Hobbit")
	scripted := post("/interactions", url.Values{"book": {"2"}, "do": {"like"}}, as(ann, "Accept", "application/json")...).want(t, 200, `"count":2`)

	e := s.follow("/shelf/events?after=0", ann...)
	if _, event, data := e.next(t); e.StatusCode != http.StatusOK || event != "shelf" || !strings.Contains(data, "Jane Eyre") {
		t.Errorf("live shelf: status %d, event %q", e.StatusCode, event)
	}
	// A tab that was open for somebody else is told.
	tag := strings.Split(strings.SplitAfter(page.body, `data-reader="`)[1], `"`)[0]
	for reader, want := range map[string]string{tag: "shelf", "nobody": "reader"} {
		if _, event, _ := s.follow("/shelf/events?after=0&reader="+url.QueryEscape(reader), ann...).next(t); event != want {
			t.Errorf("a page of %q is sent the event %q, want %q", reader, event, want)
		}
	}
	if _, event, _ := s.follow("/shelf/events?after=0&reader="+url.QueryEscape(tag), bob...).next(t); event != "reader" {
		t.Errorf("the page of another reader is sent the event %q", event)
	}

	forgotten := post("/your-books/forget", url.Values{"sure": {"yes"}}, bob...).want(t, http.StatusSeeOther)
	if got := len(s.recommender.history(42)); got != 2 {
		t.Errorf("reader 42 has %d books after reader 43 was forgotten", got)
	}
	post("/your-books/forget", url.Values{"sure": {"yes"}}, ann...).want(t, http.StatusSeeOther)
	s.get("/your-books?forgotten=yes", ann...).want(t, 200, "You are still signed in").without(t, "somebody new")
	if got := len(s.recommender.history(42)); got != 0 {
		t.Errorf("reader 42 has %d books after being forgotten", got)
	}
	post("/interactions", url.Values{"book": {"3"}, "do": {"like"}}, ann...).want(t, http.StatusSeeOther)
	s.get("/your-books", ann...).want(t, 200, "Emma")

	acting := post("/reader", url.Values{"reader": {"7"}}, ann...).want(t, http.StatusConflict, "You are signed in")
	self := post("/reader", url.Values{"reader": {"self"}, "return": {"/books"}}, ann...).want(t, http.StatusSeeOther)
	for _, a := range []answer{page, like, books, table, scripted, forgotten, acting, self} {
		if a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s %s sets the cookie %s", a.Request.Method, a.Request.URL, a.Header.Get("Set-Cookie"))
		}
		if cache := a.Header.Get("Cache-Control"); !strings.Contains(cache, "private") && cache != "no-store" {
			t.Errorf("%s %s: Cache-Control %q", a.Request.Method, a.Request.URL, cache)
		}
	}
}

// A browser that had a cookie before is that of the reader who is signed in, and that of the
// visitor again afterwards.
func TestACookieBesideASignIn(t *testing.T) {
	s := newTestShop(t, fewBooks(), signingIn(t, "127.0.0.1"))
	visitor := s.own()
	s.get("/", readerHeader, "42").want(t, 200)
	if id, _, _ := s.recommender.asked(); id != 42 {
		t.Errorf("the shelf is that of reader %d", id)
	}
	if got := s.own(); got != visitor {
		t.Errorf("after signing out the visitor is %d, was %d", got, visitor)
	}
}

// What a proxy calls a reader is stored with the first thing that the reader does, and not
// when a page is looked at.
func TestASignedInReaderIsStoredByAForm(t *testing.T) {
	s := newTestShop(t, fewBooks(), signingIn(t, "127.0.0.1"))
	eve := []string{readerHeader, "eve@example.org"}
	known := func() bool {
		id, err := s.recommender.Reader(t.Context(), "eve@example.org", false)
		return err == nil && id != 0
	}
	page := s.get("/", eve...).want(t, 200, `data-reader="nobody"`)
	s.get("/books/1", eve...).want(t, 200)
	s.get("/your-books", eve...).want(t, 200, "Nothing yet", "signed in")
	if known() || page.Header.Get("Set-Cookie") != "" {
		t.Errorf("pages made the reader known, or set the cookie %q", page.Header.Get("Set-Cookie"))
	}
	s.do("POST", "/interactions", "book=1&do=like&return=/books/1", append(eve, "Content-Type", formType)...).want(t, http.StatusSeeOther)
	s.get("/your-books", eve...).want(t, 200, "The Hobbit")
	if !known() {
		t.Error("a like did not make the reader known")
	}
}

// What one reader may do is limited by the reader, whoever proxies the request.
func TestReadersWhoAreSignedInAreLimited(t *testing.T) {
	s := newTestShop(t, fewBooks(), signingIn(t, "127.0.0.1"), stopClock)
	write := func(reader string) int {
		return s.do("POST", "/interactions", "book=1&do=like", "Content-Type", formType, readerHeader, reader).StatusCode
	}
	for range byReader().WritesAtOnce {
		write("42")
	}
	if one, other := write("42"), write("43"); one != http.StatusTooManyRequests || other != http.StatusSeeOther {
		t.Errorf("after many writes of one reader: %d for that one, %d for another", one, other)
	}
}

// From anybody but the proxies, the header is refused, not ignored: a proxy that is not named
// would otherwise show everybody the shelf of nobody.
func TestTheReaderHeaderOfAStranger(t *testing.T) {
	s := newTestShop(t, fewBooks(), signingIn(t, "192.0.2.1"))
	for _, path := range []string{"/", "/books/1", "/your-books", "/your-books.csv", "/shelf/events"} {
		s.get(path, readerHeader, "42").want(t, http.StatusForbidden, "--trusted-proxies").without(t, "Hobbit")
		s.get(path, readerHeader, "").want(t, s.get(path).StatusCode)
	}
	s.do("POST", "/interactions", "book=1&do=like", "Content-Type", formType, readerHeader, "42").want(t, http.StatusForbidden)
	s.get("/api/v1/books/1", readerHeader, "42").want(t, 200) // has tokens
	s.get("/static/shop.css", readerHeader, "42").want(t, 200)
	if got := s.recommender.history(42); len(got) != 0 {
		t.Errorf("a stranger wrote %v", got)
	}
	if lines := s.log.with("reader header refused"); len(lines) != 6 || !strings.Contains(lines[0], `"peer":"127.0.0.1"`) {
		t.Errorf("logged %q, want 6 lines with the peer", lines)
	}
	s.wantMisnamed(6, 0)
}

func TestAReaderHeaderThatIsNoReader(t *testing.T) {
	s := newTestShop(t, fewBooks(), signingIn(t, "127.0.0.1"))
	bad := []string{"0", "042", "-1", "+7", "42, 43", "ann@example.org, 43", "9007199254740991", "4503599627370496", "2000000000"}
	for _, text := range bad {
		a := s.get("/your-books", readerHeader, text).want(t, http.StatusBadRequest, "<strong>"+readerHeader+"</strong>")
		if a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%q sets a cookie", text)
		}
	}
	s.wantMisnamed(0, float64(len(bad)))
	if signed.IsVisitor(42) || !signed.IsVisitor(4503599627370496) {
		t.Error("the ids of this test are not what it takes them for")
	}
}

// wantMisnamed checks how many reader headers were refused.
func (s *testShop) wantMisnamed(byStranger, byProxy float64) {
	s.t.Helper()
	families, err := s.registry.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		if family.GetName() != "http_server_reader_header_refused_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			got[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
		}
	}
	if diff := cmp.Diff(map[string]float64{"stranger": byStranger, "proxy": byProxy}, got); diff != "" {
		s.t.Errorf("refused headers, by who sent them:\n%s", diff)
	}
}

// Readers whose ids are texts, such as e-mail addresses, are who the import says, or new.
func TestReadersWhoAreSignedInByATextualID(t *testing.T) {
	s := newTestShop(t, fewBooks(), signingIn(t, "127.0.0.1"))
	s.recommender.source = recommend.Personal
	post := func(reader, book string) {
		s.do("POST", "/interactions", "book="+book+"&do=like&return=/", "Content-Type", formType, readerHeader, reader).want(t, http.StatusSeeOther)
	}
	post("42", "1")
	s.get("/your-books", readerHeader, "ann@example.org").want(t, 200, "The Hobbit", "You are signed in")
	s.get("/", readerHeader, "ann@example.org").want(t, 200, "You are signed in")
	if id, _, _ := s.recommender.asked(); id != 42 {
		t.Errorf("the shelf is that of reader %d", id)
	}
	// Nobody is somebody else by a number that stands for a text.
	for _, other := range []string{"bob@example.org", "7x", "٤٢", "2251799813685248", "9223372036854775808"} {
		s.get("/your-books", readerHeader, other).want(t, 200, "Nothing yet")
	}
	post("bob@example.org", "2")
	s.get("/your-books", readerHeader, "bob@example.org").want(t, 200, "Jane Eyre")
	s.get("/your-books", readerHeader, "2251799813685248").want(t, 200, "Nothing yet")

	// While recommendations does not answer, pages do without the reader, and nothing is kept.
	s.recommender.set(func(f *fakeRecommender) { f.storeErr = recommend.ErrUnavailable })
	s.get("/", readerHeader, "new@example.org").want(t, 200)
	if id, _, _ := s.recommender.asked(); id != signed.Nobody {
		t.Errorf("the shelf is that of reader %d, want nobody", id)
	}
	s.get("/your-books", readerHeader, "new@example.org").want(t, http.StatusServiceUnavailable)
	s.do("POST", "/interactions", "book=1&do=like", "Content-Type", formType, readerHeader, "new@example.org").want(t, http.StatusServiceUnavailable)
	s.wantMisnamed(0, 0)
}
