package web

import (
	"net/http"
	"path"
	"strings"
)

// handler answers a request, or returns why it cannot, which fail answers.
type handler func(http.ResponseWriter, *http.Request) error

type route struct {
	pattern string
	handler handler
}

// routes is every address of the shop. All but the last two groups need books.
func (s *shop) routes() []route {
	return []route{
		{"GET /{$}", s.page(s.front)},
		{"GET /books", s.page(s.allBooks)},
		{"GET /books/{id}", s.page(s.book)},
		{"GET /categories/{slug}", s.page(s.category)},
		{"GET /search", s.page(s.search)},
		{"POST /reader", s.page(s.switchReader)},
		{"POST " + interactionsPath, s.page(s.interact)},
		{"GET " + yourBooksPath, s.page(s.yourBooks)},
		{"POST " + forgetPath, s.page(s.forget)},
		{"GET " + eventsPath, s.open(s.shelfEvents)},
		{"GET /books/{id}/cover.svg", s.open(s.cover)},

		{"GET /api/v1/recommendations", s.open(s.apiRecommendations)},
		{"GET /api/v1/books", s.open(s.apiBooks)},
		{"GET /api/v1/books/{id}", s.open(s.apiBook)},
		{"GET /api/v1/books/{id}/similar", s.open(s.apiSimilar)},
		{"GET /api/v1/categories", s.open(s.apiCategories)},
		{"POST /api/v1/interactions", s.open(s.apiInteractions)},
		{"GET /api/v1/readers/{id}/history", s.open(s.apiHistory)},
		{"DELETE /api/v1/readers/{id}", s.open(s.apiForget)},

		{"GET /api/openapi.yaml", s.apiDescription},

		{"GET " + staticPath, s.static},
	}
}

// isAPI reports whether a program asks, which wants problems as JSON.
func isAPI(r *http.Request) bool {
	return r.URL.Path == "/api" || strings.HasPrefix(r.URL.Path, "/api/")
}

// open lets a handler work only when there are books.
func (s *shop) open(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if !s.Catalog.Ready() {
			return errNotReady
		}
		return next(w, r)
	}
}

// handle answers what next cannot.
func (s *shop) handle(next handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := next(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
}

// dispatch hands a request to its route. What has none gets our own answer, not
// the plain text of the mux, which still knows the allowed methods.
func (s *shop) dispatch(w http.ResponseWriter, r *http.Request) {
	answer, pattern := s.mux.Handler(r)
	if isAPI(r) && path.Clean(r.URL.Path) != r.URL.Path {
		s.fail(w, r, errNoSuchPage) // readers are led to the clean path, programs are told
		return
	}
	if pattern != "" {
		s.mux.ServeHTTP(w, r)
		return
	}
	said := &discarded{header: http.Header{}}
	answer.ServeHTTP(said, r)
	if said.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", said.header.Get("Allow"))
		s.fail(w, r, errMethodNotAllowed)
		return
	}
	s.fail(w, r, errNoSuchPage)
}

// discarded keeps the head of an answer only.
type discarded struct {
	header http.Header
	status int
}

func (d *discarded) Header() http.Header         { return d.header }
func (d *discarded) WriteHeader(status int)      { d.status = status }
func (d *discarded) Write(b []byte) (int, error) { return len(b), nil }
