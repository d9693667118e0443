package web

import (
	"testing"

	"bookstall/marketplace/internal/catalog"
)

// Books and readers whose ids are texts are shown with them, and found by them.
func TestAPIExternalIDs(t *testing.T) {
	contents := fewBooks()
	const number = 1<<51 + 7
	contents.Books = append(contents.Books, catalog.Book{
		ID: number, ExternalID: "SKU 7/a", Title: "Shelf Life", Author: "Ida Field", Categories: []string{"fantasy"}, Popularity: 1 << 40,
	})
	s := newTestShop(t, contents)
	const shown = `"external_id":"SKU 7/a"`
	s.get("/api/v1/books/SKU%207%2Fa").want(t, 200, shown, `"id":2251799813685255`)
	s.get("/api/v1/books/2251799813685255").want(t, 200, shown)
	s.get("/api/v1/books/SKU%207%2Fa/similar").want(t, 200, "Readers of Shelf Life")
	s.get("/api/v1/books/1").want(t, 200).without(t, "external_id")
	s.get("/api/v1/books/SKU-8").want(t, 404, "There is no such book.")
	s.get("/api/v1/books/-1").want(t, 400, `"field":"id"`)
	s.get("/api/v1/books?page_size=1").want(t, 200, shown)
	s.get("/api/v1/recommendations?user_external_id=nobody@example.org").want(t, 200, shown)
	s.get("/api/v1/recommendations?user_external_id=a&user_id=1").want(t, 400, `"field":"user_external_id"`, "together with user_id")
	s.get("/api/v1/recommendations?user_external_id=-1").want(t, 400, `"field":"user_external_id"`)

	post := func(body string) answer { return s.do("POST", "/api/v1/interactions", body, "Content-Type", jsonType) }
	post(`{"user_external_id":"ann@example.org","external_id":"SKU 7/a","kind":"like"}`).want(t, 201)
	post(`{"user_id":42,"external_id":"1","kind":"like"}`).want(t, 201)
	for _, reader := range []string{"42", "ann@example.org"} {
		s.get("/api/v1/readers/"+reader+"/history").want(t, 200, shown, `"book_id":2251799813685255`, `"book_id":1,`)
	}
	post(`{"user_external_id":"new@example.org","book_id":1,"kind":"like"}`).want(t, 201)
	s.get("/api/v1/readers/new@example.org/history").want(t, 200, `"book_id":1,`)
	s.get("/api/v1/readers/nobody@example.org/history").want(t, 200, `"entries":[]`)
	s.do("DELETE", "/api/v1/readers/nobody@example.org", "").want(t, 200)
	s.do("DELETE", "/api/v1/readers/ann@example.org", "").want(t, 200)
	s.get("/api/v1/readers/42/history").want(t, 200, `"entries":[]`)
	for body, want := range map[string]string{
		`{"user_id":1,"user_external_id":"a","book_id":1,"kind":"like"}`: `"field":"user_external_id","reason":"is given together with user_id"`,
		`{"user_id":1,"external_id":"a","book_id":1,"kind":"like"}`:      `"field":"external_id","reason":"is given together with book_id"`,
		`{"user_id":1,"external_id":7,"kind":"like"}`:                    `"field":"external_id","reason":"must be a text"`,
		`{"user_external_id":"-1","book_id":1,"kind":"like"}`:            `"field":"user_external_id"`,
		`{"external_id":"SKU 7/a","kind":"like"}`:                        `"field":"user_id","reason":"is required"`,
	} {
		post(body).want(t, 400, want)
	}
	post(`{"user_id":1,"external_id":"SKU-8","kind":"like"}`).want(t, 404, "There is no such book.")
}
