package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/signed"
	"bookstall/marketplace/internal/web/api"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/request"
)

const jsonType = "application/json"

func TestAPIInteractions(t *testing.T) {
	s := newTestShop(t, fewBooks())
	post := func(body string) answer {
		return s.do("POST", "/api/v1/interactions", body, "Content-Type", jsonType)
	}
	const rated = `{"user_id":42,"book_id":5,"kind":"rating","rating":4,"id":"key-1"}`
	got := decode[api.Recorded](t, post(rated).want(t, 201))
	if diff := cmp.Diff(api.Recorded{ID: "key-1", Stored: true, Version: 1}, got); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	got = decode[api.Recorded](t, post(rated).want(t, 200))
	if diff := cmp.Diff(api.Recorded{ID: "key-1", Stored: false, Version: 1}, got); diff != "" {
		t.Errorf("again (-want +got):\n%s", diff)
	}
	post(`{"user_id":42,"book_id":5,"kind":"rating","rating":5,"id":"key-1"}`).want(t, 409, "The id was used before")
	for _, kind := range recommend.Kinds() {
		body := map[string]any{"user_id": 43, "book_id": 1, "kind": kind}
		if kind == recommend.Rating {
			body["rating"] = 1
		}
		text, _ := json.Marshal(body) // never fails
		first, second := decode[api.Recorded](t, post(string(text)).want(t, 201)), decode[api.Recorded](t, post(string(text)).want(t, 201))
		if request.InteractionIDFault(first.ID) != "" || first.ID == second.ID {
			t.Errorf("%s: ids made by the shop are %q and %q", kind, first.ID, second.ID)
		}
	}
	post(`{"user_id":1,"book_id":999,"kind":"like"}`).want(t, 404, "There is no such book.")
	post(`{"user_id":9223372036854775807,"book_id":1,"kind":"like","rating":0}`).want(t, 201)
	s.do("POST", "/api/v1/interactions", rated, "Content-Type", "application/json; charset=utf-8").want(t, 200)
	for _, contentType := range []string{"", "text/plain", formType, "application/jsonx", ";"} {
		s.do("POST", "/api/v1/interactions", rated, "Content-Type", contentType).want(t, 415, "application/json")
	}
	post(`{"id":"`+strings.Repeat("a", maxBody)+`"}`).want(t, 413)
	s.recommender.set(func(f *fakeRecommender) { f.storeErr = recommend.ErrUnavailable })
	if answer := post(rated).want(t, 503, "doing it again does no harm"); answer.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	s.recommender.set(func(f *fakeRecommender) { f.storeErr = &recommend.FieldError{Field: "rating", Reason: "is odd"} })
	post(rated).want(t, 400, `{"field":"rating","reason":"is odd"}`)
	s.recommender.set(func(f *fakeRecommender) { f.storeErr = errors.New("secret") })
	post(rated).want(t, 500).without(t, "secret")
}

func TestAPIInteractionsBadFields(t *testing.T) {
	s := newTestShop(t, fewBooks())
	post := func(body string) answer {
		return s.do("POST", "/api/v1/interactions", body, "Content-Type", jsonType)
	}
	answer := post(`{"user_id":"1","book_id":1.5,"kind":"love","id":"a b","user_id":2,"colour":"red"}`).want(t, 400)
	want := []problem.Field{
		{Field: "user_id", Reason: "is given more than once"},
		{Field: "colour", Reason: "is not known here; allowed are user_id, user_external_id, book_id, external_id, kind, rating, id"},
		{Field: "user_id", Reason: "must be a whole number from 1 to 9223372036854775807"},
		{Field: "book_id", Reason: "must be a whole number from 1 to 9223372036854775807"},
		{Field: "kind", Reason: "must be one of view, like, unlike, rating, unrate, purchase, want, unwant, dismiss, undismiss, unpurchase"},
		{Field: "id", Reason: "must have 1 to 128 printable ASCII characters without spaces"},
	}
	if diff := cmp.Diff(want, decode[api.Problem](t, answer).Errors); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	const start = `{"user_id":1,"book_id":1,"kind":"`
	for body, text := range map[string]string{
		"":                               `"field":"body"`,
		"null":                           `"field":"body"`,
		"[]":                             `"field":"body"`,
		"{":                              `"field":"body"`,
		"{}{}":                           `"field":"body"`,
		`{"user_id":}`:                   `"field":"body"`,
		`{"user_id"`:                     `"field":"body"`,
		"\xff":                           `"field":"body"`,
		"{}":                             `"field":"kind","reason":"is required"`,
		start + `rating"}`:               `"field":"rating","reason":"is required"`,
		start + `rating","rating":0}`:    `"field":"rating","reason":"must be a whole number from 1 to 5"`,
		start + `rating","rating":6}`:    `"field":"rating"`,
		start + `rating","rating":"5"}`:  `"field":"rating"`,
		start + `rating","rating":null}`: `"field":"rating"`,
		start + `like","rating":5}`:      `"reason":"must be left out, or 0, for what is no rating"`,
		start + `like","id":""}`:         `"field":"id"`,
		start + `like","id":null}`:       `"field":"id","reason":"must be a text"`,
		start + `like","id":7}`:          `"field":"id","reason":"must be a text"`,
		start + `like","id":"` + strings.Repeat("a", 129) + `"}`: `"field":"id"`,
		start + `like","id":"ü"}`:                                `"field":"id"`,
		start + `Like"}`:                                         `"field":"kind"`,
		`{"user_id":0,"book_id":-1,"kind":["like"]}`:             `"field":"book_id"`,
	} {
		post(body).want(t, 400, text)
	}
	if len(s.recommender.stored) != 0 {
		t.Errorf("stored %+v", s.recommender.stored)
	}
}

func TestAPIHistoryAndForget(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.do("POST", "/api/v1/interactions", `{"user_id":42,"book_id":5,"kind":"like"}`, "Content-Type", jsonType).want(t, 201)
	got := decode[api.History](t, s.get("/api/v1/readers/42/history?min_version=1").want(t, 200))
	if diff := cmp.Diff(api.History{Entries: []api.Entry{{BookID: 5, Liked: true}}, Version: 1}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for kind, want := range map[string]api.Entry{"want": {BookID: 4, Wanted: true}, "dismiss": {BookID: 4, Dismissed: true}, "undismiss": {BookID: 4}} {
		s.do("POST", "/api/v1/interactions", `{"user_id":43,"book_id":4,"kind":"`+kind+`"}`, "Content-Type", jsonType).want(t, 201)
		got := decode[api.History](t, s.get("/api/v1/readers/43/history").want(t, 200))
		if diff := cmp.Diff([]api.Entry{want}, got.Entries); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
		s.recommender.set(func(f *fakeRecommender) { f.version, f.minVersion = 1, 1 })
	}
	if s.recommender.minVersion != 1 {
		t.Errorf("asked with min version %d", s.recommender.minVersion)
	}
	s.do("DELETE", "/api/v1/readers/42", "").want(t, 200, `{"version":2}`)
	s.get("/api/v1/readers/42/history").want(t, 200, `"entries":[]`)
	s.get("/api/v1/readers/-1/history?min_version=-1&a=b").want(t, 400, `"field":"id"`, `"field":"min_version"`, `"field":"a"`)
	s.do("DELETE", "/api/v1/readers/0?x=1", "").want(t, 400, `"field":"id"`, `"field":"x"`)
	s.get("/api/v1/recommendations?user_id=42&min_version=17").want(t, 200)
	if got := s.recommender.query.MinVersion; got != 17 {
		t.Errorf("the shelf is queried with min version %d", got)
	}
	s.get("/api/v1/recommendations?user_id=42&min_version=x").want(t, 400, `"field":"min_version"`)
	s.recommender.set(func(f *fakeRecommender) { f.storeErr = recommend.ErrUnavailable })
	s.get("/api/v1/readers/42/history").want(t, 503, "cannot be looked up just now")
	s.do("DELETE", "/api/v1/readers/42", "").want(t, 503)
	s.do("DELETE", "/api/v1/readers/42", "", "Sec-Fetch-Site", "cross-site").want(t, 403)
	closed := newTestShop(t, fewBooks(), requireToken)
	closed.do("POST", "/api/v1/interactions", "{}", "Content-Type", jsonType).want(t, 401)
	closed.do("DELETE", "/api/v1/readers/1", "").want(t, 401)
	empty := newTestShop(t, catalog.Contents{})
	empty.do("POST", "/api/v1/interactions", "{}", "Content-Type", jsonType).want(t, 503)
}

// Without a token nobody writes for a visitor of the shop: the visitor's own browser has
// another way.
func TestAnOpenAPIDoesNotWriteForVisitors(t *testing.T) {
	open := newTestShop(t, fewBooks())
	closed := newTestShop(t, fewBooks(), requireToken)
	for _, id := range []int64{signed.FirstVisitor, signed.Nobody - 1, 2_000_000_001} {
		body, path := fmt.Sprintf(`{"user_id":%d,"book_id":1,"kind":"like"}`, id), fmt.Sprintf("/api/v1/readers/%d", id)
		json := []string{"Content-Type", "application/json"}
		open.do("POST", "/api/v1/interactions", body, json...).want(t, 400, `"field":"user_id"`, "is a visitor of the shop")
		open.do("DELETE", path, "").want(t, 400, `"field":"id"`, "is a visitor of the shop")
		token := []string{"Authorization", "Bearer the-token"}
		closed.do("POST", "/api/v1/interactions", body, append(json, token...)...).want(t, 201)
		closed.do("DELETE", path, "", token...).want(t, 200)
	}
}

// Nothing is stored for nobody, not with a token either.
func TestNobodyWritesForNobody(t *testing.T) {
	s := newTestShop(t, fewBooks(), requireToken)
	body := fmt.Sprintf(`{"user_id":%d,"book_id":1,"kind":"like"}`, int64(signed.Nobody))
	token := []string{"Authorization", "Bearer the-token", "Content-Type", "application/json"}
	s.do("POST", "/api/v1/interactions", body, token...).want(t, 400, `"field":"user_id"`, "is nobody")
	s.do("DELETE", fmt.Sprint("/api/v1/readers/", int64(signed.Nobody)), "", token...).want(t, 400, `"field":"id"`, "is nobody")
}
