package drills

import (
	"io"
	"net/http"
)

// fallbackShop answers in time, and always with bestsellers. No drill may pass with
// it.
func fallbackShop() http.Handler {
	mux := http.NewServeMux()
	says := func(pattern, text string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
	}
	says("GET /{$}", `<button name="reader" value="7">Seven</button><section data-source="fallback">`)
	says("GET /books/{id}", `<article class="book"><section data-source="fallback">`)
	says("GET /search", `<a href="/books/1">`)
	says("GET /api/v1/books", `{"books":[{"id":1,"title":"One"}]}`)
	says("GET /api/v1/recommendations", `{"source":"fallback","served_by":"","recommendations":[{"id":1}]}`)
	mux.HandleFunc("POST /reader", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusSeeOther) })
	return mux
}
