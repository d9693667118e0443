package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"bookstall/marketplace/internal/recommend"
)

// A reader chooses how far the shelf goes. Pages, shelves of categories and live shelves keep to
// it, also those of another reader of the browser, until the reader is forgotten.
func TestTheVarietyOfAShelf(t *testing.T) {
	s := newTestShop(t, fewBooks(), func(c *Config) { c.MaxStreams = 3 })
	variety := func() recommend.Variety {
		s.recommender.mu.Lock()
		defer s.recommender.mu.Unlock()
		return s.recommender.query.Variety
	}
	choose := func(step string) answer {
		return s.do(http.MethodPost, "/shelf/variety", url.Values{"variety": {step}, "return": {"/#for-you"}}.Encode(), "Content-Type", formType)
	}
	s.get("/").want(t, 200).without(t, "Further afield") // nobody's shelf is that of all
	if variety() != recommend.Balanced {
		t.Errorf("at first, variety is %q", variety())
	}
	s.own()
	s.switchTo("self", "/")
	s.recommender.set(func(f *fakeRecommender) { f.source = recommend.Personal })
	s.get("/").want(t, 200, `value="balanced" aria-pressed="true"`, `value="far" aria-pressed="false"`, `data-live="/shelf/events"`)
	if to := choose("far").want(t, 303).Header.Get("Location"); to != "/#for-you" {
		t.Errorf("back to %s", to)
	}
	for _, path := range []string{"/", "/categories/classics"} {
		page := s.get(path).want(t, 200, "variety=far")
		if variety() != recommend.Far {
			t.Errorf("%s: variety is %q", path, variety())
		}
		if path == "/" {
			page.want(t, 200, `value="far" aria-pressed="true"`)
		}
	}
	for address, want := range map[string]recommend.Variety{
		"/shelf/events?variety=far": recommend.Far, "/shelf/events": recommend.Balanced, "/shelf/events?variety=none": recommend.Balanced,
	} {
		stream := s.follow(address)
		stream.next(t)
		s.recommender.mu.Lock()
		if got := s.recommender.follows[len(s.recommender.follows)-1].Variety; got != want {
			t.Errorf("%s: variety is %q, want %q", address, got, want)
		}
		s.recommender.mu.Unlock()
	}
	choose("none").want(t, 400, "must be close, balanced or far")
	s.get("/", "Cookie", "variety=far.forged").want(t, 200)
	s.get("/").want(t, 200)
	if variety() != recommend.Far {
		t.Errorf("after a choice that is none, variety is %q", variety())
	}
	gone := s.do(http.MethodPost, "/your-books/forget", "sure=yes", "Content-Type", formType)
	if cookies := strings.Join(gone.Header["Set-Cookie"], "\n"); !strings.Contains(cookies, "variety=;") {
		t.Errorf("the cookies of a reader who is forgotten: %s", cookies)
	}
}

// Programs get the order of the scores unless they ask.
func TestVarietyOfTheAPI(t *testing.T) {
	s := newTestShop(t, fewBooks())
	for query, want := range map[string]recommend.Variety{
		"": recommend.ByScore, "&variety=none": recommend.ByScore, "&variety=close": recommend.Close, "&variety=balanced": recommend.Balanced, "&variety=far": recommend.Far,
	} {
		s.get("/api/v1/recommendations?user_id=7"+query).want(t, 200)
		if got := s.recommender.query.Variety; got != want {
			t.Errorf("%q: variety is %q, want %q", query, got, want)
		}
	}
	s.get("/api/v1/recommendations?user_id=7&variety=wild").want(t, 400, "must be one of none, close, balanced, far")
}
