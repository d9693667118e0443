package main

import (
	"time"

	"bookstall/internal/rpc"
	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/balancepage"
	"bookstall/marketplace/internal/edge"
	"bookstall/marketplace/internal/tutorial"
	"bookstall/marketplace/internal/web"
)

// tutorialRESTPort is the default port of a replica's REST example.
const tutorialRESTPort = "8081"

// newExtras returns what --tutorial and --balance add to the shop, and a function that
// closes its idle connections.
func newExtras(cfg settings, root edge.Root, conn *rpc.Client, tel *telemetry.Telemetry) (extras []web.Extra, closeIdle func(), err error) {
	closeIdle = func() {}
	if cfg.Tutorial {
		target := cfg.TutorialRESTTarget
		if target == "" {
			if target, err = tutorial.WithPort(cfg.RecommendationsTarget, tutorialRESTPort); err != nil {
				return nil, nil, err
			}
		}
		reused, once := tutorial.NewREST(target, true, tel), tutorial.NewREST(target, false, tel)
		extras = tutorial.Extras(tutorial.Config{Client: tutorial.NewClient(conn), REST: reused, RESTOnce: once, Telemetry: tel, Root: root})
		closeIdle = reused.Close // once keeps no connections
		tel.Log.Info("tutorial examples enabled (--tutorial)", "page", root.To("/tutorial"), "restTarget", target)
	}
	if cfg.Balance {
		extras = append(extras, balancepage.Extras(balancepage.Config{Source: conn, Shop: cfg.Name, Now: time.Now, Root: root})...)
	}
	return extras, closeIdle, nil
}
