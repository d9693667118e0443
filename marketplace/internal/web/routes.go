package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"

	"bookstall/marketplace/internal/edge"
	"bookstall/marketplace/internal/web/page"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/reply"
)

// handler answers a request, or returns why it cannot.
type handler func(http.ResponseWriter, *http.Request) error

type route struct {
	pattern string
	handler handler
}

// routes returns all addresses of the shop, except those of Extras.
func (s *shop) routes() []route {
	visit := func(h page.Handler) handler { return s.withBooks(s.pages.Visit(h)) }
	return []route{
		{"GET /{$}", visit(s.pages.Front)},
		{"GET /books", visit(s.pages.AllBooks)},
		{"GET /books/{id}", visit(s.pages.Book)},
		{"GET /books/{id}/why", visit(s.pages.Why)},
		{"GET /categories/{slug}", visit(s.pages.Category)},
		{"GET /authors/{name}", visit(s.pages.Author)},
		{"GET /series/{name}", visit(s.pages.Series)},
		{"GET " + page.SuggestPath, visit(s.pages.Suggest)},
		{"GET " + page.FeedPath, s.withBooks(s.pages.Feed)},
		{"GET /search", visit(s.pages.Search)},
		{"POST " + page.ReaderPath, visit(s.pages.SwitchReader)},
		{"POST " + page.VarietyPath, visit(s.pages.ChooseVariety)},
		{"POST " + page.InteractionsPath, visit(s.pages.Interact)},
		{"GET " + page.YourBooksPath, visit(s.pages.YourBooks)},
		{"GET " + page.OwnersPath + "{slug}", s.pages.Visit(s.pages.Owners)},
		{"GET " + page.DownloadPath, visit(s.pages.Download)},
		{"GET " + page.DownloadJSONPath, visit(s.pages.DownloadJSON)},
		{"POST " + page.BringPath, visit(s.pages.Bring)},
		{"POST " + page.UnbringPath, visit(s.pages.Unbring)},
		{"POST " + page.ForgetPath, visit(s.pages.Forget)},
		{"GET /books/{id}/cover.svg", s.withBooks(s.pages.Cover)},
		{"GET " + page.PicturePath, s.withBooks(s.pages.Picture)},

		{"GET " + page.EventsPath, s.withBooks(s.liveShelf)},

		{"GET /api/v1/recommendations", s.withBooks(s.api.Recommendations)},
		{"GET /api/v1/books", s.withBooks(s.api.Books)},
		{"GET /api/v1/books/{id}", s.withBooks(s.api.Book)},
		{"GET /api/v1/books/{id}/similar", s.withBooks(s.api.Similar)},
		{"GET /api/v1/categories", s.withBooks(s.api.Categories)},
		{"POST /api/v1/interactions", s.withBooks(s.api.Interactions)},
		{"GET /api/v1/readers/{id}/history", s.withBooks(s.api.History)},
		{"DELETE /api/v1/readers/{id}", s.withBooks(s.api.Forget)},
		{"GET /api/openapi.yaml", s.api.Description},

		{"GET /robots.txt", s.pages.Robots},
		{"GET /sitemap.xml", s.withBooks(s.pages.Sitemap)},
		{"GET /sitemaps/{number}", s.withBooks(s.pages.SitemapPart)},

		{"GET " + page.StaticPath, s.pages.Static},
	}
}

// checkRoot returns an error if the path of the public URL begins as an address of the shop
// does: a request for it would mean either.
func (s *shop) checkRoot(root edge.Root) error {
	first, _, _ := strings.Cut(strings.TrimPrefix(string(root), "/"), "/")
	var taken []string
	for _, r := range s.routes() {
		taken = append(taken, r.pattern)
	}
	for _, e := range s.Extras {
		taken = append(taken, e.Pattern)
	}
	for _, pattern := range taken {
		_, address, _ := strings.Cut(pattern, "/")
		if name, _, _ := strings.Cut(address, "/"); name == first {
			return fmt.Errorf("the path %s of the public URL is an address of the shop itself", root)
		}
	}
	return nil
}

// isAPI reports whether a request comes from a program, which expects JSON.
func isAPI(r *http.Request) bool {
	return r.URL.Path == "/api" || strings.HasPrefix(r.URL.Path, "/api/")
}

// withBooks fails until the catalogue has books. While they are asked for, lists are as fresh as
// shelves, which come with the version of the catalogue.
func (s *shop) withBooks(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if !s.Catalog.Ready() && !s.awaitBooks(r.Context()) {
			return problem.ErrNotReady
		}
		s.Refresh()
		return next(w, r)
	}
}

// awaitBooks waits for the first books while the shop opens, and reports whether there are any.
// Requests may come before it is ready: a pod whose process has died and was started again
// belongs to its Service until the kubelet has noticed.
func (s *shop) awaitBooks(ctx context.Context) bool {
	ctx, cancel := context.WithDeadline(ctx, s.opensBy)
	defer cancel()
	select {
	case <-s.Catalog.Filled():
	case <-ctx.Done():
	}
	return s.Catalog.Ready()
}

// orFail answers with the error that next returns.
func (s *shop) orFail(next handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := next(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
}

// dispatch passes a request to its route. Without a route it answers like any other
// error, not with the plain text of the mux, which still knows the allowed methods.
func (s *shop) dispatch(w http.ResponseWriter, r *http.Request) {
	given := r.URL.EscapedPath()
	clean := path.Clean(given)
	if !strings.HasPrefix(given, "/") {
		clean = path.Clean("/" + given)
	}
	switch {
	case isAPI(r) && clean != given:
		s.fail(w, r, problem.ErrNoSuchPage) // a redirect is for readers only
	case r.Pattern != "" && clean != given && clean != strings.TrimSuffix(given, "/"):
		// The mux would redirect, too, but knows no path of the public URL.
		root, to := s.Edge.PublicURL().Root(), url.URL{Path: path.Clean("/" + r.URL.Path), RawPath: clean, RawQuery: r.URL.RawQuery}
		reply.SendAgain(w, root.To(root.Cut(to.String())))
	case r.Pattern != "":
		s.mux.ServeHTTP(w, r)
	default:
		answer := &discarded{ResponseWriter: w}
		matched, _ := s.mux.Handler(r)
		matched.ServeHTTP(answer, r) // sets Allow, or a Location for //evil.example/
		w.Header().Del("Location")
		err := problem.ErrNoSuchPage
		if answer.status == http.StatusMethodNotAllowed {
			err = problem.ErrMethodNotAllowed
		}
		s.fail(w, r, err)
	}
}

// discarded sets headers, but only remembers the status and drops the body.
type discarded struct {
	http.ResponseWriter
	status int
}

func (d *discarded) WriteHeader(status int)      { d.status = status }
func (d *discarded) Write(b []byte) (int, error) { return len(b), nil }
