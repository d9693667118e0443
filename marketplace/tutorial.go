package main

import (
	"google.golang.org/grpc"

	"bookstall/internal/rpc"
	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/tutorial"
	"bookstall/marketplace/internal/web"
)

// tutorialRESTPort is the default port of a replica's REST example.
const tutorialRESTPort = "8081"

// newTutorial returns what --tutorial adds to the shop, and a function that closes its
// connections.
func newTutorial(cfg settings, conn grpc.ClientConnInterface, tel *telemetry.Telemetry) (extras []web.Extra, closeIdle func(), err error) {
	target := cfg.TutorialRESTTarget
	if target == "" {
		if target, err = rpc.WithPort(cfg.RecommendationsTarget, tutorialRESTPort); err != nil {
			return nil, nil, err
		}
	}
	reused, once := tutorial.NewREST(target, true, tel), tutorial.NewREST(target, false, tel)
	extras, err = tutorial.Extras(tutorial.Config{Client: tutorial.NewClient(conn), REST: reused, RESTOnce: once, Telemetry: tel})
	if err != nil {
		return nil, nil, err
	}
	tel.Log.Info("tutorial examples enabled (--tutorial)", "page", "/tutorial", "restTarget", target)
	return extras, func() { reused.Close(); once.Close() }, nil
}
