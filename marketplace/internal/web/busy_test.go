package web

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"bookstall/marketplace/internal/recommend"
)

// shed compares the counters of refused requests.
func (s *testShop) shed(byShop, byRecommendations int) {
	s.t.Helper()
	if err := testutil.GatherAndCompare(s.registry, strings.NewReader(fmt.Sprintf(`
# HELP http_server_shed_total Requests refused because of load (503 with Retry-After), by the service that is overloaded: shop or recommendations.
# TYPE http_server_shed_total counter
http_server_shed_total{by="recommendations"} %d
http_server_shed_total{by="shop"} %d
`, byRecommendations, byShop)), "http_server_shed_total"); err != nil {
		s.t.Error(err)
	}
}

// wait polls until a condition holds that other goroutines cause.
func wait(tb testing.TB, what string, done func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("never happened: %s", what)
		}
	}
}

// fill occupies n slots of the concurrency limit with pages that wait for
// recommendations, until leave is called. It calls the handler directly, because do
// waits for the requests of the server.
func (s *testShop) fill(tb testing.TB, n int64) (leave func()) {
	tb.Helper()
	s.recommender.hang = true
	ctx, cancel := context.WithCancel(tb.Context())
	var readers sync.WaitGroup
	for range n {
		readers.Go(func() {
			s.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
		})
	}
	wait(tb, "all slots are occupied", func() bool { return s.recommender.hanging.Load() == n })
	return func() {
		cancel()
		readers.Wait()
		s.recommender.hang = false
	}
}

// fallbacks returns how many fallback shelves were shown.
func (s *testShop) fallbacks() (n float64) {
	s.t.Helper()
	families, err := s.registry.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if family.GetName() == "web_shelves_total" && metric.GetLabel()[0].GetValue() == string(recommend.Fallback) {
				n = metric.GetCounter().GetValue()
			}
		}
	}
	return n
}

func TestMoreRequestsThanSlots(t *testing.T) {
	s := newTestShop(t, fewBooks(), func(c *Config) { c.MaxRequests = 2 })
	s.own()
	leave := s.fill(t, 2)

	page := s.get("/").want(t, 503, "The shop is busy", "/static/shop.")
	golden(t, "busy", page.body)
	for name, want := range map[string]string{
		"Retry-After": "1", "Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8",
		"Content-Security-Policy": contentSecurityPolicy, "Set-Cookie": "",
	} {
		if got := page.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if page.Header.Get("X-Request-ID") == "" || len(s.log.with(page.Header.Get("X-Request-ID"))) != 1 {
		t.Error("no line in the log")
	}
	s.act("1", "like").want(t, 503, "The shop is busy")
	s.get("/none").want(t, 503)
	answer := s.get("/api/v1/books/1", "X-Request-ID", "busy-shop-1").want(t, 503, `"status":503`, `"request_id":"busy-shop-1"`, "More readers are here than we can serve at a time.")
	if got := answer.Header.Get("Retry-After"); got != "1" {
		t.Errorf("Retry-After %q", got)
	}
	s.get("/api/openapi.yaml").want(t, 503)
	s.shed(5, 0)

	// Static files and live shelves are not limited.
	s.get(regexp.MustCompile(`/static/shop\.[0-9a-f]+\.css`).FindString(page.body)).want(t, 200)
	events := s.follow("/shelf/events?after=0")
	if events.StatusCode != http.StatusOK {
		t.Errorf("a live shelf: %d", events.StatusCode)
	}
	events.leave()

	leave()
	s.get("/").want(t, 200)
	s.get("/api/v1/books/1").want(t, 200)
	s.shed(5, 0)
}

// A panic releases its slot.
func TestPanicReleasesItsSlot(t *testing.T) {
	s := newTestShop(t, fewBooks(), func(c *Config) { c.MaxRequests = 1 })
	s.recommender.panics = true
	for range 3 {
		s.get("/").want(t, 500)
	}
	s.recommender.panics = false
	s.get("/").want(t, 200)
	s.shed(0, 0)
}

// While recommendations is overloaded, readers get bestsellers and programs get 503.
func TestRecommendationsOverloaded(t *testing.T) {
	s := newTestShop(t, fewBooks())
	own := s.own()
	overloaded := fmt.Errorf("%w: %w", recommend.ErrUnavailable, recommend.ErrOverloaded)
	s.recommender.set(func(f *fakeRecommender) {
		f.source, f.why, f.storeErr = recommend.Fallback, recommend.ErrOverloaded, overloaded
	})
	s.get("/").want(t, 200, "bestsellers")
	s.get("/books/1").want(t, 200)
	s.shed(0, 0)
	if got := s.fallbacks(); got != 2 {
		t.Errorf("%v fallback shelves shown, want 2", got)
	}
	for i, path := range []string{"/api/v1/recommendations?user_id=1", "/api/v1/books/1/similar"} {
		answer := s.get(path).want(t, 503, `"title":"Service Unavailable"`, "Recommendations have more to do than they can just now.")
		if got := answer.Header.Get("Retry-After"); got != "1" {
			t.Errorf("%s: Retry-After %q", path, got)
		}
		s.shed(0, i+1)
	}
	s.act("1", "like").want(t, 503, "We could not keep that")
	s.get("/your-books").want(t, 503, "Your books are away for a moment")
	s.get(fmt.Sprintf("/api/v1/readers/%d/history", own)).want(t, 503)
	s.do("POST", "/api/v1/interactions", `{"user_id":1,"book_id":1,"kind":"like"}`, "Content-Type", "application/json").want(t, 503)
	s.shed(0, 6)

	// With any other cause, programs get the fallback too.
	s.recommender.set(func(f *fakeRecommender) { f.why = recommend.ErrUnavailable })
	s.get("/api/v1/recommendations?user_id=1").want(t, 200, `"source":"fallback"`)
	s.get("/api/v1/books/1/similar").want(t, 200, `"source":"fallback"`)
	s.shed(0, 6)
}

// The calls for a client that disconnects are cancelled.
func TestDisconnectCancelsCalls(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.recommender.hang = true
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/api/v1/recommendations?user_id=1", nil)
		if err == nil {
			_, err = s.client.Do(req)
		}
		ended <- err
	}()
	wait(t, "recommendations is asked", func() bool { return s.recommender.hanging.Load() == 1 })
	cancel()
	if err := <-ended; err == nil {
		t.Error("a disconnected client got an answer")
	}
	wait(t, "the call is cancelled", func() bool { return s.recommender.hanging.Load() == 0 })
	s.busy.Wait()
}

// BenchmarkAnswers compares the cost of a refusal with that of answers.
func BenchmarkAnswers(b *testing.B) {
	full := newQuietShop(b, manyBooks(), func(c *Config) { c.MaxRequests = 1 })
	busy := newQuietShop(b, manyBooks(), func(c *Config) { c.MaxRequests = 1 })
	leave := busy.fill(b, 1)
	defer leave()
	for _, of := range []struct {
		name, path string
		shop       *testShop
	}{
		{"front", "/", full}, {"cover", "/books/1/cover.svg", full}, {"api", "/api/v1/books/1", full},
		{"refused", "/", busy}, {"refused-api", "/api/v1/books/1", busy},
	} {
		b.Run(of.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				of.shop.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(b.Context(), http.MethodGet, of.path, nil))
			}
		})
	}
}

// Slow senders of bodies occupy no slot.
func TestSlowSendersOccupyNoSlot(t *testing.T) {
	reading := make(chan struct{}, 3)
	s := newTestShop(t, fewBooks(), func(c *Config) { c.MaxRequests = 1 })
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = &noticed{r.Body, reading}
		s.handler.ServeHTTP(w, r)
	}))
	defer slow.Close()
	for range 3 {
		conn, err := net.Dial("tcp", slow.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "POST /interactions HTTP/1.1\r\nHost: shop\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nb"); err != nil {
			t.Fatal(err)
		}
		<-reading
	}
	s.get("/").want(t, 200)
	s.shed(0, 0)
}

// noticed signals the first read of a body.
type noticed struct {
	io.ReadCloser
	reading chan<- struct{}
}

func (n *noticed) Read(p []byte) (int, error) {
	select {
	case n.reading <- struct{}{}:
	default:
	}
	return n.ReadCloser.Read(p)
}
