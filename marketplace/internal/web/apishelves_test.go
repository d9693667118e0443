package web

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/web/api"
	"bookstall/marketplace/internal/web/problem"
)

func TestAPIRecommendations(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.recommender.source = recommend.Personal
	got := decode[api.Shelf](t, s.get("/api/v1/recommendations?user_id=42&category=romance&max_results=2").want(t, 200))
	want := api.Shelf{
		Recommendations: []api.Recommendation{
			{ID: 2, Title: "Jane Eyre", Author: "Charlotte Brontë", Categories: []string{"classics", "romance"}, Score: 2, Reason: "Because you like The Hobbit"},
			{ID: 3, Title: "Emma", Author: "Jane Austen", Categories: []string{"classics", "romance"}, Score: 1, Reason: "Because you like The Hobbit"},
		},
		Source: "personal", ServedBy: "replica-1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if id, category, most := s.recommender.asked(); id != 42 || category != "romance" || most != 2 {
		t.Errorf("asked for reader %d, category %q, %d books", id, category, most)
	}
	s.recommender.source = recommend.Popular
	s.get("/api/v1/recommendations?user_id=1").want(t, 200, `"source":"popular"`, `"served_by":"replica-1"`, `"reason":"Popular with readers"`)
	s.recommender.source = recommend.Fallback
	s.get("/api/v1/recommendations?user_id=1").want(t, 200, `"source":"fallback"`, `"served_by":""`, `"reason":"Bestseller"`)
}

func TestAPIMaxResults(t *testing.T) {
	s := newTestShop(t, fewBooks())
	for text, want := range map[string]int{"": 10, "max_results=": 10, "max_results=0": 10, "max_results=1": 1, "max_results=100": 100} {
		for _, path := range []string{"/api/v1/recommendations?user_id=9223372036854775807&", "/api/v1/books/1/similar?"} {
			s.get(path+text).want(t, 200)
			if _, _, most := s.recommender.asked(); most != want {
				t.Errorf("%s%s asks for %d books, want %d", path, text, most, want)
			}
		}
	}
	for _, text := range []string{"101", "-1", "1.5", "x", "1e1", "+5", "%205", "99999999999999999999", "0x10"} {
		s.get("/api/v1/recommendations?user_id=1&max_results="+text).want(t, 400, `"field":"max_results"`, "from 1 to 100")
		s.get("/api/v1/books/1/similar?max_results="+text).want(t, 400, `"field":"max_results"`)
	}
}

// The response names every bad field and what is allowed.
func TestAPIRecommendationsBadFields(t *testing.T) {
	s := newTestShop(t, fewBooks())
	answer := s.get("/api/v1/recommendations?user_id=abc&category=cooking&max_results=101&foo=1&foo=2&bar", "X-Request-ID", "bad-fields-1").want(t, 400)
	want := api.Problem{
		Type: "about:blank", Title: "Bad Request", Status: 400, Detail: "The request has fields that cannot be used.", RequestID: "bad-fields-1",
		Errors: []problem.Field{
			{Field: "bar", Reason: "is not known here; allowed are user_id, user_external_id, category, max_results, min_version, variety"},
			{Field: "foo", Reason: "is not known here; allowed are user_id, user_external_id, category, max_results, min_version, variety"},
			{Field: "user_id", Reason: "must be a whole number from 1 to 9223372036854775807"},
			{Field: "category", Reason: "must be one of classics, comics, fantasy, poetry, romance, science-fiction"},
			{Field: "max_results", Reason: "must be a whole number from 1 to 100, or 0 for 10"},
		},
	}
	if diff := cmp.Diff(want, decode[api.Problem](t, answer)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for query, text := range map[string]string{
		"":                                        `"field":"user_id","reason":"is required"`,
		"?user_id=":                               `"reason":"is required"`,
		"?user_id=0":                              `"field":"user_id"`,
		"?user_id=-5":                             `"field":"user_id"`,
		"?user_id=9223372036854775808":            `"field":"user_id"`,
		"?user_id=1&user_id=2":                    "is given more than once",
		"?user_id=1;category=fantasy":             `"field":"query"`,
		"?user_id=1&category=%zz":                 `"field":"query"`,
		"?user_id=1&category=%ff":                 `"field":"category"`,
		"?user_id=1&category=Fantasy":             `"field":"category"`,
		"?user_id=1&%ff%00=1":                     `"field":"` + "\uFFFD" + `\u0000"`,
		"?user_id=1&" + strings.Repeat("a", 3000): "…",
	} {
		s.get("/api/v1/recommendations"+query).want(t, 400, text)
	}
}

func TestAPISimilar(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.get("/api/v1/books/2/similar").want(t, 200, `"title":"Emma"`, `"reason":"Readers of Jane Eyre also like it"`, `"source":"popular"`)
	s.do("POST", "/api/v1/interactions", `{"user_id":42,"book_id":3,"kind":"dismiss"}`, "Content-Type", jsonType).want(t, 201)
	s.get("/api/v1/books/2/similar").want(t, 200, `"title":"Emma"`)
	s.get("/api/v1/books/2/similar?user_id=42&min_version=1").want(t, 200).without(t, `"title":"Emma"`)
	if diff := cmp.Diff(recommend.Query{UserID: 42, MinVersion: 1, MaxResults: 10}, s.recommender.query); diff != "" {
		t.Errorf("query (-want +got):\n%s", diff)
	}
	s.get("/api/v1/books/2/similar?user_id=0&min_version=-1").want(t, 400, `"field":"user_id"`, `"field":"min_version"`)
	s.get("/api/v1/books/999/similar").want(t, 404)
	s.get("/api/v1/books/x/similar?max_results=x&y=1").want(t, 400, `"field":"id"`, `"field":"max_results"`, `"field":"y"`)
	s.recommender.source = recommend.Fallback
	s.get("/api/v1/books/2/similar").want(t, 200, `"source":"fallback"`, `"served_by":""`, `"reason":"Bestseller"`)
}

func TestAPIRecommenderFails(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.recommender.storeErr = errors.New("rpc error: code = Unknown desc = boom at 10.1.2.3")
	for path, method := range map[string]string{"/api/v1/readers/1/history": http.MethodGet, "/api/v1/readers/1": http.MethodDelete} {
		s.do(method, path, "").want(t, 500, `"title":"Internal Server Error"`).without(t, "boom", "rpc", "10.1.2.3")
	}
	if n := len(s.log.with("boom")); n != 2 {
		t.Errorf("%d log lines of 2 errors", n)
	}
}
