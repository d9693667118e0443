package web

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/web/page"
)

// events is a stream as the browser sees it.
type events struct {
	*http.Response

	lines *bufio.Scanner
	leave context.CancelFunc
}

// follow opens a stream with the cookies of s.
func (s *testShop) follow(path string, headers ...string) *events {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	s.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = resp.Body.Close() })
	return &events{resp, bufio.NewScanner(resp.Body), cancel}
}

// next returns the fields of the next event.
func (e *events) next(t *testing.T) (id, name, data string) {
	t.Helper()
	for e.lines.Scan() {
		field, value, _ := strings.Cut(e.lines.Text(), ": ")
		switch field {
		case "id":
			id = value
		case "event":
			name = value
		case "data":
			data += value + "\n"
		case "":
			if name != "" {
				return id, name, data
			}
		}
	}
	t.Fatalf("the events ended: %v", e.lines.Err())
	return "", "", ""
}

func TestLiveShelf(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.own()
	page := s.get("/").want(t, 200, `data-live="/shelf/events" data-version="`+s.at(0)+`" data-count="0"`)
	e := s.follow("/shelf/events?after=0")
	if e.StatusCode != http.StatusOK || e.Header.Get("Content-Type") != "text/event-stream" || !e.Close || e.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("status %d, header %v", e.StatusCode, e.Header)
	}
	s.recommender.set(func(f *fakeRecommender) { f.source = recommend.Personal })
	s.act("5", "like")
	id, name, data := e.next(t)
	if id != s.at(1) || name != "shelf" {
		t.Errorf("event %q, id %q", name, id)
	}
	for _, text := range []string{
		`Changed just now: you like <a href="/books/5"><bdi>Dune</bdi></a>.`, `data-live="/shelf/events" data-version="` + s.at(1) + `" data-count="1"`,
		"Because you like The Hobbit", `name="return" value="/#for-you"`,
	} {
		if !strings.Contains(data, text) {
			t.Errorf("no %q in\n%s", text, data)
		}
	}
	golden(t, "live", data)
	// The shelf of the page and that of the event look alike.
	if _, shelf, _ := strings.Cut(page.body, `<ul class="shelf"`); !strings.Contains(data, strings.Split(shelf, "</a>")[0]) {
		t.Errorf("the shelf of the page differs from\n%s", data)
	}
	for do, text := range map[string]string{
		"rating-2": `you gave <a href="/books/3"><bdi>Emma</bdi></a> 2 of 5 stars.`,
		"unrate":   `you took back what you said of <a href="/books/3"><bdi>Emma</bdi></a>.`,
		"purchase": `you bought <a href="/books/3"><bdi>Emma</bdi></a>.`,
	} {
		s.recommender.set(func(f *fakeRecommender) { clear(f.histories) })
		s.act("3", do)
		if _, _, data := e.next(t); !strings.Contains(data, text) {
			t.Errorf("no %q in\n%s", text, data)
		}
	}
	if _, err := s.recommender.Forget(t.Context(), s.own(), 0); err != nil {
		t.Fatal(err)
	}
	if _, name, data := e.next(t); name != "reader" {
		t.Errorf("after forgetting: %s\n%s", name, data)
	}
	s.streamsEnd(0)
	if err := testutil.GatherAndCompare(s.registry, strings.NewReader(`
# HELP web_live_shelves_total Shelves sent to browsers that waited for a change.
# TYPE web_live_shelves_total counter
web_live_shelves_total 4
# HELP web_live_streams Browsers that wait for changes of their shelf.
# TYPE web_live_streams gauge
web_live_streams 0
`), "web_live_shelves_total", "web_live_streams"); err != nil {
		t.Error(err)
	}
	e.leave()
	s.streamsEnd(0)

	// A stream has one line in the log when it ends, and neither latency nor span.
	if lines := s.log.with(`"route":"/shelf/events"`); len(lines) != 1 {
		t.Errorf("%d lines of the stream: %q", len(lines), lines)
	}
	families, err := s.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if text := family.String(); strings.Contains(text, "/shelf/events") {
			t.Errorf("the stream is measured: %s", text)
		}
	}
	for _, span := range s.spans.GetSpans() {
		if strings.Contains(span.Name, "/shelf/events") {
			t.Errorf("span %s", span.Name)
		}
	}
}

// streamsEnd waits until only left streams are open.
func (s *testShop) streamsEnd(left int) {
	s.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		// The log line is the last thing that a stream does.
		if gauge(s.t, s.registry, "web_live_streams") == left && len(s.log.with(`"route":"`+page.EventsPath)) > 0 {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("never %d streams", left)
		}
	}
}

// gauge returns the value of a gauge or counter without labels.
func gauge(t *testing.T, reg *prometheus.Registry, name string) int {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			metric := family.GetMetric()[0]
			return int(metric.GetGauge().GetValue() + metric.GetCounter().GetValue())
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// The shelf of a category appears once a liked book leads to one of its books.
func TestLiveCategory(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.own()
	s.get("/categories/classics").want(t, 200, `data-live="/shelf/events?category=classics"`).without(t, "For you in")
	e := s.follow("/shelf/events?category=classics&after=0")
	s.recommender.set(func(f *fakeRecommender) { f.source = recommend.Personal })
	s.act("2", "like")
	if _, _, data := e.next(t); !strings.Contains(data, "For you in Classics") || !strings.Contains(data, `value="/categories/classics#for-you"`) ||
		strings.Contains(data, "<h1") || !strings.Contains(data, `data-live="/shelf/events?category=classics"`) {
		t.Errorf("category shelf:\n%s", data)
	}
	if q := s.recommender.follows[0]; q.Category != "classics" || q.MaxResults != 6 {
		t.Errorf("follows %+v", q)
	}
	s.get("/shelf/events?category=cooking").want(t, 404)
}

// A browser that reconnects continues where it was, and gets no event twice.
func TestLiveGoesOn(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.own()
	s.act("1", "like")
	s.act("2", "like")
	e := s.follow("/shelf/events?after="+s.at(1), "Last-Event-ID", s.at(2))
	s.act("3", "like")
	if id, _, _ := e.next(t); id != s.at(3) {
		t.Errorf("the first event is %s, want 3", id)
	}
	if got := s.recommender.follows[0].After; got != 2 {
		t.Errorf("follows after %d, want 2", got)
	}
	e.leave()
	// A missed change is sent at once.
	e = s.follow("/shelf/events?after="+s.at(2), "Last-Event-ID", "nonsense")
	if id, _, data := e.next(t); id != s.at(3) || !strings.Contains(data, "Changed just now: you like") {
		t.Errorf("event %s: %s", id, data)
	}
}

// A page with a fallback gets the reader's shelf, which does not count as a change.
func TestLiveAfterFallback(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.own()
	s.recommender.set(func(f *fakeRecommender) { f.source = recommend.Fallback })
	s.get("/").want(t, 200, `data-live="/shelf/events" data-version=""`)
	s.recommender.set(func(f *fakeRecommender) { f.source = recommend.Popular })
	e := s.follow("/shelf/events")
	if id, _, data := e.next(t); id != s.at(0) || strings.Contains(data, "Changed") || !strings.Contains(data, "For you") {
		t.Errorf("event %s: %s", id, data)
	}
}

func TestLiveIsForVisitorsThemselves(t *testing.T) {
	s := newTestShop(t, fewBooks())
	if a := s.get("/shelf/events").want(t, http.StatusNoContent); a.Header.Get("Set-Cookie") != "" {
		t.Error("a stranger gets a cookie")
	}
	s.own()
	s.switchTo("7", "/")
	s.get("/shelf/events").want(t, http.StatusNoContent)
	s.switchTo("self", "/")
	s.do("HEAD", "/shelf/events", "").want(t, 200)
	if n := len(s.recommender.follows); n != 0 {
		t.Errorf("%d follows", n)
	}
	none := newTestShop(t, fewBooks(), func(c *Config) { c.MaxStreams = 0 })
	none.own()
	none.get("/").want(t, 200).without(t, "data-live", "watch this shelf")
	none.get("/shelf/events").want(t, 503)
}

// The number of streams is limited; one that ends makes room for another.
func TestLiveLimit(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.own()
	first := s.follow("/shelf/events?after=0")
	s.follow("/shelf/events?after=0")
	refused := s.get("/shelf/events?after=0").want(t, 503)
	if refused.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if n := gauge(t, s.registry, "web_live_refused_total"); n != 1 {
		t.Errorf("%d refused", n)
	}
	first.leave()
	s.streamsEnd(1)
	if e := s.follow("/shelf/events?after=0"); e.StatusCode != http.StatusOK {
		t.Errorf("status %d", e.StatusCode)
	}
}

// A draining shop ends its streams at once and refuses new ones.
func TestLiveDrains(t *testing.T) {
	draining, drain := context.WithCancel(t.Context())
	s := newTestShop(t, fewBooks(), func(c *Config) { c.Draining = draining })
	s.own()
	e := s.follow("/shelf/events?after=0")
	drain()
	rest, err := io.ReadAll(e.Body)
	if err != nil || !strings.HasPrefix(string(rest), "retry: ") {
		t.Errorf("%q, %v; want a stream that ends cleanly", rest, err)
	}
	s.get("/shelf/events?after=0").want(t, 503)
}

// The deadlines of the server do not end a stream.
func TestLiveOutlivesTheServersDeadlines(t *testing.T) {
	s := newQuietShop(t, fewBooks())
	s.t = t
	server := httptest.NewUnstartedServer(s.handler)
	server.Config.ReadTimeout, server.Config.WriteTimeout = 100*time.Millisecond, 200*time.Millisecond
	server.Start()
	t.Cleanup(server.Close)
	s.url, s.client = server.URL, server.Client()
	s.client.Jar, _ = cookiejar.New(nil) // never fails
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.own()
	e := s.follow("/shelf/events?after=0")
	<-time.After(500 * time.Millisecond) // past the deadlines, which are in real time
	s.act("5", "like")
	if id, _, _ := e.next(t); id != s.at(1) {
		t.Errorf("event %s", id)
	}
}

// One reader cannot take all live shelves.
func TestOneReadersLiveShelvesAreLimited(t *testing.T) {
	s := newTestShop(t, fewBooks(), func(c *Config) { c.MaxStreams = 100 })
	s.own()
	var open []*events
	for range 20 {
		open = append(open, s.follow("/shelf/events?after=0"))
	}
	s.get("/shelf/events?after=0").want(t, http.StatusTooManyRequests)
	open[0].leave()
	wait(t, "a place is free", func() bool {
		e := s.follow("/shelf/events?after=0")
		defer e.leave()
		return e.StatusCode == http.StatusOK
	})
	for _, e := range open[1:] {
		e.leave()
	}
}

// A version that the shop has not signed for the reader counts as none, and makes
// recommendations look for nothing in their store.
func TestAMadeUpVersionIsNone(t *testing.T) {
	s, other := newTestShop(t, fewBooks()), newTestShop(t, fewBooks())
	s.own()
	s.act("1", "like")
	for _, after := range []string{"999999", s.at(1)[:20], "999999" + s.at(1)[1:], other.at(999999), "-1", "x"} {
		for _, e := range []*events{s.follow("/shelf/events?after=" + after), s.follow("/shelf/events", "Last-Event-ID", after)} {
			if id, _, _ := e.next(t); id != s.at(1) {
				t.Errorf("after %q: event %q, want the present shelf", after, id)
			}
			e.leave()
		}
		s.streamsEnd(0)
	}
	for _, q := range s.recommender.follows {
		if q.After != 0 {
			t.Errorf("follows after %d", q.After)
		}
	}
}

// A page that was made for another reader than the browser has now is told so, whatever
// that reader is: somebody else, a sample reader or nobody.
func TestAPageOfAnotherReaderIsTold(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.own()
	tag := regexp.MustCompile(`<body data-reader="([\w-]{43})">`)
	mine := tag.FindStringSubmatch(s.get("/").body)[1]
	s.do("HEAD", "/shelf/events?reader="+mine, "").want(t, 200)
	told := func(because string) {
		t.Helper()
		answer := s.get("/shelf/events?reader="+mine).want(t, 200, "event: reader\ndata: another\n\n")
		if answer.Header.Get("Content-Type") != "text/event-stream" || len(s.recommender.follows) != 0 {
			t.Errorf("%s: %v", because, answer.Header)
		}
	}
	s.switchTo("7", "/")
	told("a sample reader was chosen")
	s.switchTo("self", "/")
	s.do("HEAD", "/shelf/events?reader="+mine, "").want(t, 200)
	s.do("POST", "/your-books/forget", "sure=yes", "Content-Type", formType).want(t, http.StatusSeeOther)
	told("the reader was forgotten")
	s.own()
	told("the browser has another reader")
}

// A page that shows a version which the store has lost gets the shelf as it is.
func TestALiveShelfGoesBackToWhatIsStored(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.own()
	s.act("5", "like").want(t, 303)
	e := s.follow("/shelf/events?after=" + s.at(9))
	if id, name, _ := e.next(t); name != "shelf" || id != s.at(1) {
		t.Errorf("event %q, id %q; want the shelf of version 1", name, id)
	}
	s.act("3", "like").want(t, 303)
	if id, name, _ := e.next(t); name != "shelf" || id != s.at(2) {
		t.Errorf("event %q, id %q; want the shelf of version 2", name, id)
	}
}
