// Command recommendations answers over gRPC which books a reader may like. It
// runs as any number of equal replicas.
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
	"bookstall/internal/httpserver"
	"bookstall/internal/lifecycle"
	"bookstall/internal/rpc"
	"bookstall/internal/telemetry"
	"bookstall/recommendations/internal/recommender"
	"bookstall/recommendations/internal/server"
	"bookstall/recommendations/internal/tutorial"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "recommendations:", err)
		os.Exit(1)
	}
}

// run is the program.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	command, given, err := parse(args, stdout, stderr)
	if errors.Is(err, config.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	switch command {
	case healthcheckCommand:
		return given.Healthcheck.run(ctx, stdout)
	case importCommand:
		return given.Import.run(ctx, stdout, stderr)
	case exportCommand:
		return given.Export.run(ctx, stdout)
	case trainCommand:
		return given.Train.run(ctx, stdout)
	case modelsListCommand:
		return given.Models.List.run(ctx, stdout)
	case modelsShowCommand:
		return given.Models.Show.run(ctx, stdout)
	case modelsActivateCommand:
		return given.Models.Activate.run(ctx, stdout)
	case modelsRollbackCommand:
		return given.Models.Rollback.run(ctx, stdout)
	case modelsAddCommand:
		return given.Models.Add.run(ctx, stdout)
	case evaluateCommand:
		return given.Evaluate.run(ctx, stdout, stderr)
	}
	if command != serveCommand {
		return fmt.Errorf("%s is a command that nothing is done for", command)
	}
	return serve(ctx, given.Serve, stderr)
}

// serve returns when ctx ends, after all calls were answered and all telemetry
// was delivered, or when something breaks.
func serve(ctx context.Context, cfg settings, stderr io.Writer) (err error) {
	if err := cfg.fill(); err != nil {
		return err
	}
	tel, err := telemetry.New(ctx, "recommendations", cfg.Name, cfg.Log, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tel.Close()) }()

	ready := lifecycle.NewReadiness()
	toAdmin := admin.Config{Address: cfg.AdminAddress, Pprof: cfg.Pprof, Readiness: ready, Registry: tel.Registry, Log: tel.Log}
	var faults *fault.Faults
	if cfg.Faults {
		faults = fault.New(fault.Config{Readiness: ready, Health: true, Exit: os.Exit, Log: tel.Log})
		toAdmin.Faults = faults.Handler()
		tel.Log.Info("whoever reaches the admin address can make this replica fail (--faults)")
	}
	operators, err := admin.Listen(toAdmin)
	if err != nil {
		return err
	}
	grpcServer, err := rpc.NewServer(rpc.ServerConfig{
		Address:               cfg.GRPCAddress,
		HealthAddress:         cfg.HealthAddress,
		Service:               server.ServiceName,
		TLS:                   cfg.TLS,
		MaxConnectionAge:      cfg.MaxConnectionAge,
		MaxConnectionAgeGrace: cfg.MaxConnectionAgeGrace,
		Limit:                 rpc.Limit{Concurrent: cfg.MaxCalls, Queue: cfg.MaxQueue, Wait: cfg.QueueWait, Streams: cfg.MaxStreams},
		Readiness:             ready,
		Faults:                faults,
		Telemetry:             tel,
	})
	if err != nil {
		return errors.Join(err, operators.Close())
	}

	books := recommender.New() // answers UNAVAILABLE until it is loaded
	from, err := newSource(cfg, books, ready, tel)
	if err != nil {
		return errors.Join(err, operators.Close(), grpcServer.Close())
	}
	defer func() { err = errors.Join(err, from.close()) }()
	server.New(server.Config{
		Recommender: books, Journal: from.journal, Name: cfg.Name,
		FollowAge: cfg.followAge(), Readiness: ready, Registry: tel.Registry,
	}).Register(grpcServer)
	tutorial.New(books).Register(grpcServer)
	var examples *httpserver.Server
	if cfg.Tutorial {
		tutorial.RegisterExamples(grpcServer)
		if examples, err = tutorial.ListenREST(cfg.TutorialRESTAddress, tel); err != nil {
			return errors.Join(err, operators.Close(), grpcServer.Close())
		}
	}

	group := lifecycle.Group{Log: tel.Log, Readiness: ready, DrainDelay: cfg.DrainDelay}
	group.Add(lifecycle.Part{Name: "admin", Run: operators.Serve, Stop: operators.Stop, StopTimeout: time.Second})
	group.Add(from.Part)
	group.Add(lifecycle.Part{Name: "grpc", Run: grpcServer.Serve, Stop: grpcServer.Stop, StopTimeout: cfg.DrainTimeout})
	if examples != nil {
		group.Add(lifecycle.Part{Name: "tutorial", Run: examples.Serve, Stop: examples.Stop, StopTimeout: time.Second})
		tel.Log.Info("answers the examples of the tutorials (--tutorial)", "restAddress", examples.Addr().String())
	}
	tel.Log.Info("listening", "grpcAddress", grpcServer.Addr().String(), "adminAddress", operators.Addr().String(),
		"tls", cfg.TLS.Enabled(), "version", telemetry.Version())
	return group.Run(ctx)
}
