package main

import (
	"google.golang.org/grpc"

	"bookstall/internal/rpc"
	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/tutorial"
	"bookstall/marketplace/internal/web"
)

// tutorialRESTPort is where a replica answers over REST unless it is told otherwise.
const tutorialRESTPort = "8081"

// tutorialParts are what --tutorial adds to the shop.
type tutorialParts struct {
	extras []web.Extra
	close  func()
}

func newTutorial(cfg settings, conn grpc.ClientConnInterface, tel *telemetry.Telemetry) (tutorialParts, error) {
	target := cfg.TutorialRESTTarget
	if target == "" {
		var err error
		if target, err = rpc.WithPort(cfg.RecommendationsTarget, tutorialRESTPort); err != nil {
			return tutorialParts{}, err
		}
	}
	kept, once := tutorial.NewREST(target, true, tel), tutorial.NewREST(target, false, tel)
	extras, err := tutorial.Extras(tutorial.Config{Client: tutorial.NewClient(conn), REST: kept, RESTOnce: once, Telemetry: tel})
	if err != nil {
		return tutorialParts{}, err
	}
	tel.Log.Info("shows the examples of the tutorials (--tutorial)", "page", "/tutorial", "restTarget", target)
	return tutorialParts{extras: extras, close: func() { kept.Close(); once.Close() }}, nil
}
