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

// Recommender makes shelves, and remembers what readers do. When it cannot make a
// shelf, it answers with bestsellers, the source recommend.Fallback and why. All else
// fails with recommend.ErrUnavailable or recommend.ErrReadOnly; any other error is
// something that nobody expected, but for those that Record names.
type Recommender interface {
	// Shelf returns books for a reader.
	Shelf(ctx context.Context, q recommend.Query) (recommend.Shelf, error)
	// Similar returns books that readers of a book also like.
	Similar(ctx context.Context, bookID int64, maxResults int) (recommend.Shelf, error)
	// Follow calls show with a reader's shelf at each change, until ctx ends or show fails.
	Follow(ctx context.Context, q recommend.FollowQuery, show func(recommend.Change) error) error
	// History returns what a reader has to do with books.
	History(ctx context.Context, userID, minVersion int64) (recommend.History, error)
	// Record stores what a reader did. Its errors are also recommend.ErrConflict,
	// catalog.ErrBookNotFound and *recommend.FieldError.
	Record(ctx context.Context, i recommend.Interaction) (recommend.Recorded, error)
	// Forget deletes all that is known of a reader.
	Forget(ctx context.Context, userID int64) (version int64, err error)
}

// Config is what the shop is made from. All but APIToken, SecureCookie, MaxRequests,
// MaxStreams, Draining and Extras are needed.
type Config struct {
	Catalog        *catalog.Catalog
	Recommender    Recommender
	CookieKey      []byte          // signs readers' cookies and page tokens; the same in all replicas
	APIToken       string          // asked for by /api/v1/; open to all when empty
	SecureCookie   bool            // for shops served by HTTPS
	MaxRequests    int             // at a time, without live shelves; 0 for any number
	MaxStreams     int             // live shelves at a time; 0 for none
	Draining       <-chan struct{} // closed when live shelves must end
	Extras         []Extra         // what other packages answer
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
	if c.MaxRequests < 0 {
		errs = append(errs, fmt.Errorf("MaxRequests is %d, want 0 or more", c.MaxRequests))
	}
	if c.MaxStreams < 0 {
		errs = append(errs, fmt.Errorf("MaxStreams is %d, want 0 or more", c.MaxStreams))
	}
	return errors.Join(errs...)
}

// shop answers requests. It is never changed once built.
type shop struct {
	Config
	mux       *http.ServeMux
	metrics   *metrics
	identity  identityCookie
	version   versionCookie
	streams   chan struct{} // holds one token for each live shelf
	tokens    pageTokens
	templates templates
	assets    assets
	apiDoc    asset
	busyPage  []byte
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
		version:   newVersionCookie(cfg.CookieKey, cfg.SecureCookie),
		streams:   make(chan struct{}, cfg.MaxStreams),
		tokens:    newPageTokens(cfg.CookieKey),
		templates: pages,
		assets:    static,
		apiDoc:    newAsset("application/yaml", openAPI),
	}
	if s.busyPage, err = s.newBusyPage(); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	for _, route := range s.routes() {
		s.mux.Handle(route.pattern, s.handle(route.handler))
	}
	for _, e := range cfg.Extras {
		s.mux.Handle(e.Pattern, s.handle(s.extra(e)))
	}
	var handler http.Handler = http.HandlerFunc(s.dispatch)
	chain := s.chain()
	for i := len(chain) - 1; i >= 0; i-- {
		handler = chain[i](handler)
	}
	return handler, nil
}
