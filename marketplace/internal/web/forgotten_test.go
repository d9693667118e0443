package web

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"testing"

	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/signed"
)

// copyOf returns a second browser with the cookies of the first: somebody's own, or that of
// somebody who got hold of the cookie.
func (s *testShop) copyOf(browser http.CookieJar) http.CookieJar {
	s.t.Helper()
	copied, _ := cookiejar.New(nil) // never fails
	at, err := url.Parse(s.url)
	if err != nil {
		s.t.Fatal(err)
	}
	copied.SetCookies(at, browser.Cookies(at))
	return copied
}

// Two browsers have the cookie of one reader, who is forgotten in the first, or by the API.
// Whatever the second does next, it sees and changes nothing of that reader, its cookie is
// removed, and its next write makes it known as somebody new. No page fails.
func TestAForgottenReadersCookieHasEnded(t *testing.T) {
	for name, forget := range map[string]func(s *testShop, own int64){
		"in another browser": func(s *testShop, _ int64) {
			s.do("POST", "/your-books/forget", "sure=yes", "Content-Type", formType).want(t, 200, "You are forgotten")
		},
		"by the API": func(s *testShop, own int64) {
			if _, err := s.recommender.Forget(t.Context(), own, 0); err != nil {
				t.Fatal(err)
			}
		},
	} {
		for _, address := range []string{"/", "/books", "/books/3", "/categories/fantasy", "/categories/fantasy?page=2", "/search?q=a", "/your-books", "a write"} {
			t.Run(name+", then "+address, func(t *testing.T) {
				s := newTestShop(t, fewBooks())
				own := s.own()
				s.client.CheckRedirect = nil
				s.act("1", "like").want(t, 200)
				first := s.client.Jar
				second := s.copyOf(first)
				forget(s, own)
				// Somebody with a token writes for the id again, which is no business of the cookie.
				if _, err := s.recommender.Record(t.Context(), recommend.Interaction{ID: "later", UserID: own, BookID: 5, Kind: recommend.Like}); err != nil {
					t.Fatal(err)
				}
				s.recommender.set(func(f *fakeRecommender) { f.source = recommend.Personal })

				s.client.Jar = second
				if address != "a write" {
					s.get(address).want(t, 200).without(t, "Because you like", `aria-pressed="true"`)
					if id, known := identityOf(testCookie(), cookieHeader(s, second)); known {
						t.Errorf("the browser still has the cookie of %+v", id)
					}
					s.get("/").want(t, 200)
					if id, _, _ := s.recommender.asked(); id != signed.Nobody {
						t.Errorf("the next page is that of %d, want nobody's", id)
					}
				}
				s.act("3", "like").want(t, 200)
				if list := s.recommender.history(own); len(list) != 1 || list[0].BookID != 5 {
					t.Errorf("the history of the forgotten reader is %+v", list)
				}
				now, known := identityOf(testCookie(), cookieHeader(s, second))
				if list := s.recommender.history(now.Own); !known || now.Own == own || len(list) != 1 || list[0].BookID != 3 {
					t.Errorf("the second browser's reader is %+v with %+v, was %d", now, list, own)
				}
			})
		}
	}
}

// cookieHeader returns the cookies of a browser as it sends them.
func cookieHeader(s *testShop, browser http.CookieJar) string {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodGet, s.url, http.NoBody) //nolint:noctx // never sent
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range browser.Cookies(r.URL) {
		r.AddCookie(c)
	}
	return r.Header.Get("Cookie")
}

// If only one of the replicas that a page asks knows that the reader was forgotten, the page
// shows nothing of that reader.
func TestAReplicaThatLagsShowsNoForgottenReader(t *testing.T) {
	for _, address := range []string{"/", "/categories/fantasy"} {
		s := newTestShop(t, fewBooks())
		own := s.own()
		s.act("1", "like").want(t, 303)
		if _, err := s.recommender.Forget(t.Context(), own, 1); err != nil {
			t.Fatal(err)
		}
		s.recommender.set(func(f *fakeRecommender) { f.lags = true })
		s.get(address).want(t, 200)
		if id, _, _ := s.recommender.asked(); id != signed.Nobody {
			t.Errorf("%s shows the shelf of %d, want nobody's", address, id)
		}
	}
}

// Forgetting a reader who was forgotten, and known again since, forgets nothing.
func TestAnOldCookieForgetsNothing(t *testing.T) {
	s := newTestShop(t, fewBooks())
	own := s.own()
	s.act("1", "like").want(t, 303)
	if _, err := s.recommender.Forget(t.Context(), own, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.recommender.Record(t.Context(), recommend.Interaction{ID: "later", UserID: own, BookID: 5, Kind: recommend.Like}); err != nil {
		t.Fatal(err)
	}
	s.do("POST", "/your-books/forget", "sure=yes", "Content-Type", formType).want(t, 303)
	if list := s.recommender.history(own); len(list) != 1 {
		t.Errorf("the history is %+v", list)
	}
}
