package web

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/request"
)

// shopWithExtras has a page, polled addresses and JSON.
func shopWithExtras(t *testing.T) *testShop {
	t.Helper()
	refuse := func(r *http.Request) error {
		switch r.URL.Query().Get("fail") {
		case "away":
			return &problem.Refusal{Status: http.StatusServiceUnavailable, Detail: "Away.", Err: errors.New("10.1.2.3")}
		case "bug":
			return errors.New("secret of 10.1.2.3")
		case "panic":
			panic("secret of 10.1.2.3")
		}
		return nil
	}
	return newTestShop(t, fewBooks(), func(c *Config) {
		c.Extras = []Extra{
			{Pattern: "GET /extra", Answer: func(r *http.Request) (ExtraAnswer, error) {
				return ExtraAnswer{Title: "More", Main: templ.Raw("<h1>More</h1>")}, refuse(r)
			}},
			{Pattern: "GET /polled", Link: "Polled & linked", Polled: true, Answer: func(r *http.Request) (ExtraAnswer, error) {
				return ExtraAnswer{Title: "Anew", Main: templ.Raw("<h1>Anew</h1>"), Reload: 3 * time.Second}, refuse(r)
			}},
			{Pattern: "GET /polled/part", Polled: true, Answer: func(r *http.Request) (ExtraAnswer, error) {
				return ExtraAnswer{Part: templ.Raw("<p>part</p>")}, refuse(r)
			}},
			// Not under /api, where all responses are checked against the contract.
			{Pattern: "GET /extra.json", Answer: func(r *http.Request) (ExtraAnswer, error) {
				q := request.NewQuery(r, "name", "how")
				name, how := q.RequiredText("name"), q.OneOf("how", "well", "badly")
				if err := q.Err(); err != nil {
					return ExtraAnswer{}, err
				}
				return ExtraAnswer{JSON: name + " " + how}, nil
			}},
		}
	})
}

func TestExtrasLookAndFailLikeTheShop(t *testing.T) {
	s := shopWithExtras(t)
	page := s.get("/extra", "X-Request-ID", "an-extra-page").want(t, http.StatusOK, "<title>More · Bookstall</title>", "<h1>More</h1>", `class="brand"`)
	if page.Header.Get("Content-Security-Policy") == "" || page.Header.Get("X-Request-ID") != "an-extra-page" {
		t.Errorf("headers %v", page.Header)
	}
	if len(s.log.with(`"route":"/extra"`)) != 1 || len(s.log.with("an-extra-page")) != 1 {
		t.Errorf("log %v", s.log.with(""))
	}
	away := s.get("/extra?fail=away").want(t, http.StatusServiceUnavailable, "Away.").without(t, "10.1.2.3")
	if away.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	s.get("/extra?fail=bug").want(t, http.StatusInternalServerError, "on our side").without(t, "10.1.2.3")
	s.get("/extra?fail=panic").want(t, http.StatusInternalServerError, "on our side").without(t, "10.1.2.3")
	s.do(http.MethodPost, "/extra", "").want(t, http.StatusMethodNotAllowed)
}

// The series of failed requests is there before the first of them fails: a rate counts that too.
func TestFailedRequestsAreCountedFromZero(t *testing.T) {
	s := shopWithExtras(t)
	s.do(http.MethodPost, "/extra", "").want(t, http.StatusMethodNotAllowed)
	for want, fail := range []string{"away", "bug", "panic"} {
		if got := gauge(t, s.registry, "http_server_requests_failed_total"); got != want {
			t.Errorf("after %d failures %d are counted", want, got)
		}
		s.get("/extra?fail=" + fail)
	}
	if got := gauge(t, s.registry, "http_server_requests_failed_total"); got != 3 {
		t.Errorf("after 3 failures %d are counted", got)
	}
}

func TestPolledExtras(t *testing.T) {
	s := shopWithExtras(t)
	const reload = `<noscript><meta http-equiv="refresh" content="3"></noscript>`
	page := s.get("/polled").want(t, http.StatusOK, "<h1>Anew</h1>", reload)
	part := s.get("/polled/part").want(t, http.StatusOK)
	if part.body != "<p>part</p>" {
		t.Errorf("the part is %q", part.body)
	}
	for _, got := range []answer{page, part} {
		if got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Set-Cookie") != "" || got.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("headers %v", got.Header)
		}
	}
	if lines := s.log.with(`"route":"/polled`); len(lines) != 0 {
		t.Errorf("log %v", lines)
	}
	if spans := s.spans.GetSpans(); len(spans) != 0 {
		t.Errorf("%d spans", len(spans))
	}
	s.get("/extra").want(t, http.StatusOK, `<li><a href="/polled">Polled &amp; linked</a></li>`).without(t, reload)
	s.get("/polled/part?fail=bug").want(t, http.StatusInternalServerError, "on our side").without(t, "10.1.2.3")
	if lines := s.log.with(`"route":"/polled`); len(lines) != 1 {
		t.Errorf("a failure has %d lines in the log, want 1", len(lines))
	}
}

func TestQueriesOfExtras(t *testing.T) {
	s := shopWithExtras(t)
	s.get("/extra.json?name=Ann").want(t, http.StatusOK, `"Ann well"`)
	s.get("/extra.json?name=Ann&how=badly").want(t, http.StatusOK, `"Ann badly"`)
	for query, want := range map[string][]string{
		"":                                      {"<strong>name</strong> is required"},
		"?how=so":                               {"<strong>name</strong> is required", "<strong>how</strong> must be one of well, badly"},
		"?name=a&name=b":                        {"given more than once"},
		"?name=a&x=1":                           {"<strong>x</strong> is not known here; allowed are name, how"},
		"?name=%ff":                             {"must be UTF-8"},
		"?name=" + strings.Repeat("a", 201):     {"at most 200 characters"},
		"?name=a&%zz=" + strings.Repeat("a", 9): {"cannot be read"},
	} {
		s.get("/extra.json"+query).want(t, http.StatusBadRequest, want...)
	}
}

func TestWithoutExtrasThereAreNone(t *testing.T) {
	newTestShop(t, fewBooks()).get("/extra").want(t, http.StatusNotFound)
}
