// Command marketplace is the web shop: it lists, searches and shows books, and
// asks recommendations which ones a reader may like.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"bookstall/internal/admin"
	"bookstall/internal/config"
	"bookstall/internal/fault"
	"bookstall/internal/lifecycle"
	"bookstall/internal/rpc"
	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/balance"
	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/web"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "marketplace:", err)
		os.Exit(1)
	}
}

// run is the program.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	return config.Run(ctx, config.Program{
		Name:        "marketplace",
		Description: "A web shop that recommends books. Part of Bookstall.",
		EnvPrefix:   "MARKETPLACE",
		Serve:       "serve",
	}, &commands{}, args, config.Streams{Out: stdout, Err: stderr})
}

// Run serves the shop until ctx ends or something fails. It returns after requests in
// flight are answered and telemetry is exported.
func (cfg settings) Run(ctx context.Context, to config.Streams) (err error) {
	if cfg.Name, err = config.NameOr(cfg.Name); err != nil {
		return err
	}
	cookieKey, generated, err := cfg.cookieKey()
	if err != nil {
		return err
	}

	tel, err := telemetry.New(ctx, "marketplace", cfg.Name, cfg.Log, to.Err)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tel.Close()) }()
	if generated {
		tel.Log.Info("no cookie key set: readers lose their identity at each restart and between replicas")
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

	books := catalog.New()
	client, feed := recommend.New(recommend.Config{
		Conn: conn, Catalog: books, Timeout: cfg.RecommendationsTimeout, WriteTimeout: cfg.WriteTimeout, File: cfg.CatalogFile,
		Log: tel.Log, Registry: tel.Registry,
	})
	ready := lifecycle.NewReadiness()
	var extras []web.Extra
	if cfg.Tutorial {
		examples, closeIdle, err := newTutorial(cfg, conn, tel)
		if err != nil {
			return err
		}
		defer closeIdle()
		extras = append(extras, examples...)
	}
	if cfg.Balance {
		replicas, err := balance.Extras(balance.Config{Source: conn, Shop: cfg.Name, Now: time.Now})
		if err != nil {
			return err
		}
		extras = append(extras, replicas...)
	}
	shop, err := web.New(web.Config{
		Catalog: books, Recommender: client,
		CookieKey: cookieKey, SecureCookie: cfg.SecureCookies, APIToken: cfg.APIToken,
		MaxRequests: cfg.MaxRequests, MaxStreams: cfg.LiveStreams, Draining: ready.Drained(), Extras: extras,
		Log: tel.Log, Registry: tel.Registry, TracerProvider: tel.TracerProvider, Propagator: tel.Propagator,
	})
	if err != nil {
		return err
	}

	toAdmin := admin.Config{Address: cfg.AdminAddress, Pprof: cfg.Pprof, Readiness: ready, Registry: tel.Registry, Log: tel.Log}
	if cfg.Faults {
		faults := fault.New(fault.Config{Readiness: ready, Exit: os.Exit, Log: tel.Log})
		toAdmin.Faults, shop = faults.Handler(), faults.Middleware(shop)
		tel.Log.Info("fault injection is enabled on the admin address (--faults)")
	}
	operators, err := admin.Listen(toAdmin)
	if err != nil {
		return err
	}
	public, err := listen(cfg.HTTPAddress, closeWhileDraining(shop, ready), tel.Log)
	if err != nil {
		return errors.Join(err, operators.Close())
	}

	// The shop is ready once it has books to show, whether or not recommendations is
	// available now.
	feed.OnCatalog(func() { ready.Set(true, "") })

	group := lifecycle.Group{Log: tel.Log, Readiness: ready, DrainDelay: cfg.DrainDelay}
	group.Add(lifecycle.Part{Name: "admin", Run: operators.Serve, Stop: operators.Stop, StopTimeout: time.Second})
	group.Add(lifecycle.Part{Name: "catalog feed", Run: feed.Run, Stop: feed.Stop, StopTimeout: time.Second})
	group.Add(lifecycle.Part{Name: "shop", Run: public.serve, Stop: public.stop, StopTimeout: cfg.DrainTimeout})
	tel.Log.Info("listening", "httpAddress", public.addr(), "adminAddress", operators.Addr().String(),
		"recommendations", cfg.RecommendationsTarget, "tls", cfg.TLS.Enabled(), "version", telemetry.Version())
	return group.Run(ctx)
}
