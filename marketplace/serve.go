package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"bookstall/internal/admin"
	"bookstall/internal/config"
	"bookstall/internal/fault"
	"bookstall/internal/httpserver"
	"bookstall/internal/lifecycle"
	"bookstall/internal/listen"
	"bookstall/internal/rpc"
	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/coverdir"
	"bookstall/marketplace/internal/limit"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/web"
)

// opening is how long requests wait for the first books, which take a part of a second if
// recommendations is there.
const opening = 2 * time.Second

// Run serves the shop until ctx ends or something fails. It returns after requests in
// flight are answered and telemetry is exported.
func (cfg settings) Run(ctx context.Context, to config.Streams) (err error) {
	if cfg.Name, err = config.NameOr(cfg.Name); err != nil {
		return err
	}
	front, err := cfg.edge()
	if err != nil {
		return err
	}
	face, err := cfg.face()
	if err != nil {
		return err
	}
	cookieKeys, generated, err := cfg.cookieKeys()
	if err != nil {
		return err
	}

	tel := telemetry.New(ctx, serviceName, cfg.Name, cfg.Log, to.Err)
	defer tel.Close()
	if generated {
		telemetry.Warn(tel.Log, "no cookie key set: readers lose their identity at each restart and between replicas")
	}

	gate, err := cfg.apiGate(tel.Log)
	if err != nil {
		return err
	}
	tel.Log.Info("JSON API " + gate.State())
	if gate.Open() && front.AnyHost() {
		telemetry.Warn(tel.Log, "JSON API open to pages of other sites, too: set --public-url or --allowed-hosts")
	}

	conn, err := rpc.NewClient(rpc.ClientConfig{
		Target:        cfg.RecommendationsTarget,
		Service:       recommend.Service(),
		Probe:         recommend.Probe,
		TLS:           cfg.TLS,
		TLSServerName: cfg.TLSServerName,
		DNSInterval:   cfg.DNSInterval,
		DNSMaxStale:   cfg.DNSMaxStale,
		Telemetry:     tel,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()

	options := []catalog.Option{catalog.WithNew(time.Duration(cfg.NewDays) * 24 * time.Hour)}
	if cfg.ShowUnavailable {
		options = append(options, catalog.WithUnavailable())
	}
	books := catalog.New(options...)
	client, feed := recommend.New(recommend.Config{
		Conn: conn, Catalog: books, Timeout: cfg.RecommendationsTimeout, WriteTimeout: cfg.WriteTimeout, File: cfg.CatalogFile,
		Log: tel.Log, Registry: tel.Registry, TracerProvider: tel.TracerProvider,
	})
	ready := lifecycle.NewReadiness()
	// The shop is ready once it has books to show, whether or not recommendations is
	// available now.
	feed.OnCatalog(func() { ready.Set(true, "") })
	feed.OnPull(func(err error) {
		note := ""
		if err != nil {
			note = "the catalogue cannot be pulled from recommendations: " + err.Error()
			if !books.Ready() {
				ready.Set(false, note)
			}
		}
		ready.Note(note)
	})

	var covers *coverdir.Folder
	if cfg.CoversDir != "" {
		if covers, err = coverdir.Open(coverdir.Config{Dir: cfg.CoversDir, Kept: cfg.CoversCache, Log: tel.Log}); err != nil {
			return err
		}
	}
	extras, closeIdle, err := newExtras(cfg, front.PublicURL().Root(), conn, tel)
	if err != nil {
		return err
	}
	defer closeIdle()
	shop, err := web.New(web.Config{
		Face: face, Catalog: books, Refresh: feed.Refresh, Opening: opening, Recommender: client,
		CookieKeys: cookieKeys, SecureCookie: cfg.SecureCookies || front.PublicURL().Secure(), FormerCookies: cfg.FormerCookies, FormerSecure: cfg.SecureCookies, Edge: front, API: gate,
		ByAddress: limit.Of(cfg.LimitAddress), ByToken: limit.Of(cfg.LimitToken),
		MaxRequests: cfg.MaxRequests, MaxStreams: cfg.LiveStreams, Draining: ready.Drained(), Covers: covers, Extras: extras,
		Log: tel.Log, Registry: tel.Registry, TracerProvider: tel.TracerProvider, Propagator: tel.Propagator,
		NativeHistograms: tel.NativeHistograms,
	})
	if err != nil {
		return err
	}

	var handler http.Handler = shop
	adminConfig := admin.Config{Address: cfg.AdminAddress, Pprof: cfg.Pprof, Readiness: ready, Registry: tel.Registry, Log: tel.Log}
	if cfg.Faults {
		faults := fault.New(fault.Config{Readiness: ready, Exit: os.Exit, Log: tel.Log})
		adminConfig.Faults, handler = faults.Handler(), faults.Middleware(shop)
		telemetry.Warn(tel.Log, "fault injection enabled on the admin address (--faults)")
	}
	adminServer, err := admin.Listen(adminConfig)
	if err != nil {
		return err
	}
	cut := promauto.With(tel.Registry).NewCounterVec(prometheus.CounterOpts{
		Name: "http_server_connections_cut_total",
		Help: "Connections that were closed because there are too many, by reason: idle (without a request longer than all others) or refused (new, while none was idle).",
	}, []string{"reason"})
	for _, reason := range []string{listen.Idle, listen.Refused} {
		cut.WithLabelValues(reason)
	}
	var connections *listen.Capped
	maxOpen := listen.Affordable(cfg.MaxConnections)
	shopServer, err := httpserver.Listen(httpserver.Config{
		Address: cfg.HTTPAddress, Handler: closeAfterAnswer(handler, ready, func() bool { return connections.Idle() > maxOpen/4 }),
		ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10,
		Cap: func(l net.Listener) net.Listener {
			connections = listen.Cap(l, maxOpen, func(reason string) { cut.WithLabelValues(reason).Inc() })
			return connections
		},
		ConnState: func(c net.Conn, state http.ConnState) {
			// One is new until a whole header has arrived.
			connections.SetIdle(c.RemoteAddr(), state == http.StateNew || state == http.StateIdle)
		},
		Log: tel.Log,
	})
	if err != nil {
		return errors.Join(fmt.Errorf("HTTP address: %w", err), adminServer.Close())
	}
	promauto.With(tel.Registry).NewGaugeFunc(prometheus.GaugeOpts{
		Name: "http_server_connections_open",
		Help: "Connections that browsers and proxies have now.",
	}, func() float64 { return float64(connections.Open()) })

	group := lifecycle.Group{Log: tel.Log, Readiness: ready, DrainDelay: cfg.DrainDelay}
	group.Add(lifecycle.Part{Name: "admin", Run: adminServer.Serve, Stop: adminServer.Stop, StopTimeout: time.Second})
	group.Add(lifecycle.Part{Name: "catalog feed", Run: feed.Run, Stop: feed.Stop, StopTimeout: time.Second})
	if covers != nil {
		group.Add(lifecycle.Part{Name: "covers", Run: covers.Run, Stop: covers.Stop, StopTimeout: 5 * time.Second})
	}
	group.Add(lifecycle.Part{Name: "shop", Run: shopServer.Serve, StopTimeout: cfg.DrainTimeout, Stop: func(ctx context.Context) error {
		return errors.Join(shopServer.Stop(ctx), shop.Wait(ctx))
	}})
	tel.Log.Info("listening", "httpAddress", shopServer.Addr().String(), "adminAddress", adminServer.Addr().String(),
		"recommendations", cfg.RecommendationsTarget, "tls", cfg.TLS.Enabled())
	return group.Run(ctx)
}

// closeAfterAnswer asks clients to connect anew after each answer: while draining, which
// brings them to another replica, and while a quarter of all connections are idle, since each
// of those holds a stack and buffers. Closing idle connections instead, as Shutdown does, can
// race with a request that is already on its way.
func closeAfterAnswer(next http.Handler, ready *lifecycle.Readiness, manyIdle func() bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ready.Draining() || manyIdle() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}
