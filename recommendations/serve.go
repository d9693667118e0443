package main

import (
	"context"
	"errors"
	"os"
	"time"

	"bookstall/internal/admin"
	"bookstall/internal/config"
	"bookstall/internal/fault"
	"bookstall/internal/lifecycle"
	"bookstall/internal/listen"
	"bookstall/internal/rpc"
	"bookstall/internal/telemetry"
	"bookstall/recommendations/internal/recommender"
	"bookstall/recommendations/internal/server"
	"bookstall/recommendations/internal/tutorial"
)

// Run serves until ctx ends or something fails. It returns after calls in flight are
// answered and telemetry is exported.
func (cfg settings) Run(ctx context.Context, to config.Streams) (err error) {
	if cfg.Name, err = config.NameOr(cfg.Name); err != nil {
		return err
	}
	tel := telemetry.New(ctx, "recommendations", cfg.Name, cfg.Log, to.Err)
	defer tel.Close()

	ready := lifecycle.NewReadiness()
	group := lifecycle.Group{Log: tel.Log, Readiness: ready, DrainDelay: cfg.DrainDelay}
	defer func() { err = errors.Join(err, group.Close()) }()

	adminConfig := admin.Config{Address: cfg.AdminAddress, Pprof: cfg.Pprof, Readiness: ready, Registry: tel.Registry, Log: tel.Log}
	var faults *fault.Faults
	if cfg.Faults {
		faults = fault.New(fault.Config{Readiness: ready, Health: true, Exit: os.Exit, Log: tel.Log})
		adminConfig.Faults = faults.Handler()
		telemetry.Warn(tel.Log, "fault injection enabled on the admin address (--faults)")
	}
	adminServer, err := admin.Listen(adminConfig)
	if err != nil {
		return err
	}
	group.Add(lifecycle.Part{
		Name: "admin", Run: adminServer.Serve, Stop: adminServer.Stop, StopTimeout: time.Second, Close: adminServer.Close,
	})

	books := recommender.New() // answers UNAVAILABLE until it is loaded
	data, err := openSource(cfg, books, ready, tel)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, data.close()) }()
	group.Add(data.Part)

	grpcServer, err := rpc.NewServer(rpc.ServerConfig{
		Address:               cfg.GRPCAddress,
		HealthAddress:         cfg.HealthAddress,
		Service:               server.Service(),
		TLS:                   cfg.TLS,
		Clients:               cfg.Clients,
		Reads:                 server.Reads,
		MaxConnectionAge:      cfg.MaxConnectionAge,
		MaxConnectionAgeGrace: cfg.MaxConnectionAgeGrace,
		Limit:                 rpc.Limit{Concurrent: cfg.MaxCalls, Queue: cfg.MaxQueue, Wait: cfg.QueueWait, Streams: cfg.MaxStreams, Connections: listen.Affordable(cfg.MaxConnections)},
		Readiness:             ready,
		Faults:                faults,
		Telemetry:             tel,
	})
	if err != nil {
		return err
	}
	group.Add(lifecycle.Part{
		Name: "grpc", Run: grpcServer.Serve, Stop: grpcServer.Stop, StopTimeout: cfg.DrainTimeout, Close: grpcServer.Close,
	})
	server.New(server.Config{
		Recommender: books, Journal: data.journal, Name: cfg.Name,
		FollowAge: cfg.followAge(), Readiness: ready, Registry: tel.Registry, NativeHistograms: tel.NativeHistograms,
	}).Register(grpcServer)
	tutorial.New(books).Register(grpcServer)
	if cfg.Tutorial {
		tutorial.RegisterExamples(grpcServer)
		rest, err := tutorial.ListenREST(cfg.TutorialRESTAddress, tel)
		if err != nil {
			return err
		}
		group.Add(lifecycle.Part{Name: "tutorial", Run: rest.Serve, Stop: rest.Stop, StopTimeout: time.Second, Close: rest.Close})
		tel.Log.Info("tutorial examples enabled (--tutorial)", "restAddress", rest.Addr().String())
	}
	tel.Log.Info("listening", "grpcAddress", grpcServer.Addr().String(), "adminAddress", adminServer.Addr().String(),
		"tls", cfg.TLS.Enabled())
	return group.Run(ctx)
}
