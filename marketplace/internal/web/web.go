// Package web is the shop over HTTP: it builds the pages, the JSON API and the live
// shelf, and has the routes, the middleware and the error responses of all of them.
package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"bookstall/marketplace/internal/apitoken"
	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/coverdir"
	"bookstall/marketplace/internal/edge"
	"bookstall/marketplace/internal/limit"
	"bookstall/marketplace/internal/signed"
	"bookstall/marketplace/internal/storefront"
	"bookstall/marketplace/internal/web/api"
	"bookstall/marketplace/internal/web/live"
	"bookstall/marketplace/internal/web/page"
	"bookstall/marketplace/internal/web/shelf"
)

// Config holds the dependencies and limits of the shop. API, Edge, SecureCookie,
// Refresh, Opening, FormerCookies, MaxRequests, MaxStreams, ByToken, ByAddress, Draining and Extras are
// optional.
type Config struct {
	Face           storefront.Face // how the shop looks
	Catalog        *catalog.Catalog
	Refresh        func()        // called when books are asked for, so that the catalogue is checked soon; nil for nothing
	Opening        time.Duration // time from New in which requests wait for the first books
	Recommender    shelf.Recommender
	CookieKeys     signed.Keys      // sign cookies and page tokens; the same in all replicas
	API            *apitoken.Gate   // admits requests to /api/v1/; nil for nobody
	Edge           *edge.Edge       // what is in front of the shop; nil for nothing
	SecureCookie   bool             // whether the shop is served over HTTPS
	FormerCookies  bool             // whether browsers get the cookies of an earlier version, at their first page
	FormerSecure   bool             // whether that version was told that the shop is served over HTTPS
	MaxRequests    int              // concurrency limit, without live shelves; 0 for none
	MaxStreams     int              // live shelves at a time; 0 for no live shelves
	ByToken        limit.Rates      // what the holder of an API token may do; zero for no limits
	ByAddress      limit.Rates      // what one address may do; zero for no limits
	Draining       context.Context  // ends when live shelves must end
	Covers         *coverdir.Folder // the owner's pictures of covers; nil for none
	Extras         []Extra          // addresses that other packages answer
	Log            logr.Logger
	Registry       prometheus.Registerer
	TracerProvider trace.TracerProvider
	Propagator     propagation.TextMapPropagator

	NativeHistograms bool

	now func() time.Time // of the limits; nil for time.Now, else of a test
}

func (c Config) validate() error {
	var errs []error
	for _, check := range []struct {
		fails bool
		err   error
	}{
		{c.Face.Name == "", errors.New("no Face")},
		{c.Catalog == nil, errors.New("no Catalog")},
		{c.Recommender == nil, errors.New("no Recommender")},
		{c.Registry == nil, errors.New("no Registry")},
		{c.TracerProvider == nil, errors.New("no TracerProvider")},
		{c.Propagator == nil, errors.New("no Propagator")},
		{len(c.CookieKeys) == 0, errors.New("no CookieKeys")},
		{c.CookieKeys.Validate() != nil, c.CookieKeys.Validate()},
		{c.MaxRequests < 0, fmt.Errorf("MaxRequests is %d, want 0 or more", c.MaxRequests)},
		{c.MaxStreams < 0, fmt.Errorf("MaxStreams is %d, want 0 or more", c.MaxStreams)},
	} {
		if check.fails {
			errs = append(errs, check.err)
		}
	}
	return errors.Join(errs...)
}

// shop is in front of the pages, the API and the live shelf. It does not change after New.
type shop struct {
	Config
	opensBy time.Time // when Opening is over
	mux     *http.ServeMux
	metrics *metrics
	tokens  *limit.Table[string]
	sources *limit.Table[netip.Prefix]
	pages   *page.Pages
	api     *api.API
	live    *live.Shelves

	compress middleware

	running sync.WaitGroup // has live shelves
}

// Shop is the handler of the whole shop.
type Shop struct {
	http.Handler
	shop *shop
}

// byReader is what one reader may do: far more than a person does, and far less than would
// leave nothing for others.
func byReader() limit.Rates {
	return limit.Rates{
		RequestsPerSecond: 50, RequestsAtOnce: 300,
		WritesPerSecond: 20, WritesAtOnce: 100,
		StreamsAtATime: 20, // one for each open tab
	}
}

// filesByReader is what one reader may bring.
func filesByReader() limit.Rates {
	return limit.Rates{RequestsPerSecond: 1, RequestsAtOnce: 10, WritesPerSecond: 1, WritesAtOnce: 10, StreamsAtATime: 1}
}

func newLimits[K comparable](s *shop, by string, rates limit.Rates) *limit.Table[K] {
	return limit.New[K](limit.Config{Rates: rates, Refused: s.metrics.limitedBy(by), Now: s.now})
}

// New returns the handler of the whole shop. It can serve while the catalogue is
// still empty: pages then say that the shop is about to open.
func New(cfg Config) (*Shop, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if cfg.API == nil {
		cfg.API = new(apitoken.Gate)
	}
	if cfg.Draining == nil {
		cfg.Draining = context.Background()
	}
	if cfg.Refresh == nil {
		cfg.Refresh = func() {}
	}
	var err error
	if cfg.Edge == nil {
		if cfg.Edge, err = edge.New(edge.Config{}); err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
	}
	s := &shop{Config: cfg, opensBy: time.Now().Add(cfg.Opening), mux: http.NewServeMux(), metrics: newMetrics(cfg.Registry, cfg.NativeHistograms)}
	s.metrics.most.Set(float64(cfg.MaxRequests))
	s.tokens = newLimits[string](s, limitedByToken, cfg.ByToken)
	s.sources = newLimits[netip.Prefix](s, limitedByAddress, cfg.ByAddress)
	shelves := shelf.NewCounter(cfg.Registry)
	public := cfg.Edge.PublicURL()
	scope := signed.Scope{Secure: cfg.SecureCookie, Path: string(public.Root())}
	if s.pages, err = page.New(page.Config{
		Face: cfg.Face, Catalog: cfg.Catalog, Recommender: cfg.Recommender, Shelves: shelves,
		Identity: signed.NewIdentityCookie(cfg.CookieKeys, scope, cfg.FormerSecure),
		Version:  signed.NewVersionCookie(cfg.CookieKeys, scope),
		Variety:  signed.NewChoiceCookie(cfg.CookieKeys, "variety", scope),
		Covers:   cfg.Covers, FormerCookies: cfg.FormerCookies, Limits: newLimits[int64](s, limitedByReader, byReader()),
		Files: newLimits[int64](s, limitedByReader, filesByReader()), Batches: signed.NewBatches(cfg.CookieKeys),
		PublicURL: public, Links: links(cfg.Extras), Live: cfg.MaxStreams > 0, Log: cfg.Log,
	}); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	s.api = api.New(api.Config{
		Catalog: cfg.Catalog, Recommender: cfg.Recommender, Shelves: shelves, PageTokens: signed.NewPageTokens(cfg.CookieKeys), PublicURL: public,
	})
	s.live = live.New(live.Config{Pages: s.pages, Max: cfg.MaxStreams, Draining: cfg.Draining, Registry: cfg.Registry})
	for _, route := range s.routes() {
		s.mux.Handle(route.pattern, s.orFail(route.handler))
	}
	for _, e := range cfg.Extras {
		s.mux.Handle(e.Pattern, s.orFail(s.extra(e)))
	}
	if err := s.checkRoot(public.Root()); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if s.compress, err = newCompression(); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	var handler http.Handler = http.HandlerFunc(s.dispatch)
	for _, wrap := range slices.Backward(s.middleware()) {
		handler = wrap(handler)
	}
	return &Shop{handler, s}, nil
}
