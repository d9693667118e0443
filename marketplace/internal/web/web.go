package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
)

// minCookieKey is the shortest key that is worth signing with, in bytes.
const minCookieKey = 32

// Recommender makes shelves. When it cannot, it answers with bestsellers and the
// source recommend.Fallback; an error is something that nobody expected.
type Recommender interface {
	// Shelf returns books for a reader, of one category or of all when it is "".
	Shelf(ctx context.Context, userID int64, category string, maxResults int) (recommend.Shelf, error)
	// Similar returns books that readers of a book also like.
	Similar(ctx context.Context, bookID int64, maxResults int) (recommend.Shelf, error)
}

// Config is what the shop is made from. All but APIToken and SecureCookie are needed.
type Config struct {
	Catalog        *catalog.Catalog
	Recommender    Recommender
	CookieKey      []byte // signs readers' cookies and page tokens; the same in all replicas
	APIToken       string // asked for by /api/v1/; open to all when empty
	SecureCookie   bool   // for shops served by HTTPS
	Log            logr.Logger
	Registry       prometheus.Registerer
	TracerProvider trace.TracerProvider
	Propagator     propagation.TextMapPropagator
}

func (c Config) validate() error {
	var errs []error
	for _, need := range []struct {
		name    string
		missing bool
	}{
		{"Catalog", c.Catalog == nil},
		{"Recommender", c.Recommender == nil},
		{"Registry", c.Registry == nil},
		{"TracerProvider", c.TracerProvider == nil},
		{"Propagator", c.Propagator == nil},
	} {
		if need.missing {
			errs = append(errs, fmt.Errorf("no %s", need.name))
		}
	}
	if len(c.CookieKey) < minCookieKey {
		errs = append(errs, fmt.Errorf("the cookie key has %d bytes, want at least %d", len(c.CookieKey), minCookieKey))
	}
	return errors.Join(errs...)
}

// shop answers requests. It is never changed once built.
type shop struct {
	Config
	mux       *http.ServeMux
	metrics   *metrics
	identity  identityCookie
	tokens    pageTokens
	templates templates
	assets    assets
	apiDoc    asset
}

// New returns the handler of the whole shop. It serves at once, also while the
// catalogue is still empty: then it says that the shop is about to open.
func New(cfg Config) (http.Handler, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	static, err := newAssets()
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	pages, err := newTemplates(static)
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	s := &shop{
		Config:    cfg,
		mux:       http.NewServeMux(),
		metrics:   newMetrics(cfg.Registry),
		identity:  newIdentityCookie(cfg.CookieKey, cfg.SecureCookie),
		tokens:    newPageTokens(cfg.CookieKey),
		templates: pages,
		assets:    static,
		apiDoc:    newAsset("application/yaml", openAPI),
	}
	for _, route := range s.routes() {
		s.mux.Handle(route.pattern, s.handle(route.handler))
	}
	var handler http.Handler = http.HandlerFunc(s.dispatch)
	chain := s.chain()
	for i := len(chain) - 1; i >= 0; i-- {
		handler = chain[i](handler)
	}
	return handler, nil
}
