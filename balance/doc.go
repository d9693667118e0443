// Package balance spreads the calls of a gRPC client over the replicas behind a DNS name,
// such as a headless Service of Kubernetes:
//
//	b, err := balance.New(balance.WithHealthService("books.v1.Books"), balance.WithProbe(probe))
//	conn, err := grpc.NewClient("dns:///books.default.svc.cluster.local.:50051",
//		append(b.DialOptions(), grpc.WithTransportCredentials(credentials))...)
//
// grpc-go's own resolver and round_robin ask DNS again only when a connection breaks, drop
// every connection when a name has no addresses for a moment, and send calls to a replica
// that answers health checks and nothing else. This package differs in these ways:
//
//   - It repeats the lookup every few seconds, so that it finds a new replica without
//     waiting for a connection to break.
//   - When the name has no addresses (NXDOMAIN, which a headless Service without ready
//     pods gives), the last list stays in use for a bounded time.
//   - It watches the health of each replica, by the name of the service.
//   - A replica whose call fails or times out is a suspect: it receives no calls until a probe has
//     decided. One whose calls fail, time out or are slow several times in a row is
//     ejected. At most half of the replicas are out at a time, and none if most do badly. A
//     probe readmits a replica; no caller's call serves as the probe.
//   - A new replica gets its share step by step.
//   - It tells what it knows: Balancer.Snapshots, an Observer, and Prometheus metrics in
//     package balanceprom.
//
// It needs no rights in a cluster and imports nothing but the standard library and grpc.
// Calls are chosen by grpc-go's round_robin or another of its policies (WithPolicy); this
// package is a policy around it, which gRPC asks to be registered globally, under this
// package's import path.
package balance
