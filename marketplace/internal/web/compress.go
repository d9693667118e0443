package web

import (
	"net/http"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"

	"bookstall/marketplace/internal/web/page"
)

// newCompression returns the middleware that sends pages, static files and the feed compressed to those who take that. Live
// shelves are not: each event must arrive at once.
//
// A page can repeat a text of its address beside what only its reader may know, so its
// compressed length could tell somebody who guesses (BREACH). There is no secret on pages to
// guess: no token, and the signatures there are of no use without the cookie. Random bytes
// blur the length all the same.
func newCompression() (middleware, error) {
	wrap, err := gzhttp.NewWrapper(
		gzhttp.ContentTypes([]string{"text/html", "text/css", "text/javascript", "image/svg+xml", "text/plain", "application/xml", "application/atom+xml"}),
		gzhttp.CompressionLevel(gzip.BestSpeed), // a page is made in less time than the best compression takes
		gzhttp.EnableZstd(false),                // its windows take megabytes
		gzhttp.RandomJitter(64, 0, false),
	)
	if err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler {
		compressed := wrap(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if routeOf(r) == page.EventsPath {
				next.ServeHTTP(w, r)
				return
			}
			if r.Method == http.MethodHead { // gzhttp compresses no HEAD, whose headers must be those of GET
				get := *r
				get.Method, r = http.MethodGet, &get
			}
			compressed.ServeHTTP(w, r)
		})
	}, nil
}
