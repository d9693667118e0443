package testnet

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// Service is the service of a Replica, and Get its only method. It takes and returns
// health's messages, so that the tests need no generated code: the answer's Service is the
// name of the replica.
const (
	Service = "test.Books"
	Get     = "/test.Books/Get"
)

// Message is the request and the answer of Get.
type Message = healthpb.HealthCheckRequest

// Replica is a gRPC server with health and one method.
type Replica struct {
	Addr   string // host:port
	Name   string
	Health *health.Server

	server  *grpc.Server
	calls   atomic.Int64
	handler atomic.Pointer[Handler]
}

// Handler answers a call. The name of the replica is set by the caller.
type Handler func(context.Context) error

// StartReplica starts a replica that answers at once. An address with the port 0 has a free
// one.
func StartReplica(addr, name string, options ...grpc.ServerOption) (*Replica, error) {
	lis, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	r := &Replica{Addr: lis.Addr().String(), Name: name, Health: health.NewServer(), server: grpc.NewServer(options...)}
	r.Answer(func(context.Context) error { return nil })
	r.Health.SetServingStatus(Service, healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(r.server, r.Health)
	r.server.RegisterService(&grpc.ServiceDesc{
		ServiceName: Service,
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Get", Handler: get}},
	}, r)
	go func() { _ = r.server.Serve(lis) }()
	return r, nil
}

// StartReplicas starts n replicas named replica-1 and so on, on one free port of 127.0.N.1,
// 127.0.N.2 and so on.
func StartReplicas(network, n int, options ...grpc.ServerOption) ([]*Replica, error) {
	var list []*Replica
	port := "0"
	for i := range n {
		r, err := StartReplica(fmt.Sprintf("127.0.%d.%d:%s", network, i+1, port), fmt.Sprintf("replica-%d", i+1), options...)
		if err != nil {
			for _, r := range list {
				r.Stop()
			}
			return nil, err
		}
		_, port, _ = net.SplitHostPort(r.Addr)
		list = append(list, r)
	}
	return list, nil
}

// IP returns the replica's address without its port.
func (r *Replica) IP() string {
	host, _, _ := net.SplitHostPort(r.Addr)
	return host
}

// Port returns the replica's port.
func (r *Replica) Port() string {
	_, port, _ := net.SplitHostPort(r.Addr)
	return port
}

// Server returns the gRPC server's registrar.
func (r *Replica) Server() *grpc.Server { return r.server }

// Answer sets how Get is answered from now on.
func (r *Replica) Answer(h Handler) { r.handler.Store(&h) }

// Calls returns the number of calls of Get so far.
func (r *Replica) Calls() int64 { return r.calls.Load() }

// Stop stops the replica at once.
func (r *Replica) Stop() { r.server.Stop() }

func get(server any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) { //nolint:revive // the signature is gRPC's
	r, _ := server.(*Replica)
	request := &Message{}
	if err := decode(request); err != nil {
		return nil, err
	}
	handle := func(ctx context.Context, _ any) (any, error) {
		r.calls.Add(1)
		if err := (*r.handler.Load())(ctx); err != nil {
			return nil, err
		}
		return &Message{Service: r.Name}, nil
	}
	if intercept == nil {
		return handle(ctx, request)
	}
	return intercept(ctx, request, &grpc.UnaryServerInfo{Server: server, FullMethod: Get}, handle)
}

// Call calls Get and returns the name of the replica that answered.
func Call(ctx context.Context, conn grpc.ClientConnInterface, options ...grpc.CallOption) (string, error) {
	answer := &Message{}
	err := conn.Invoke(ctx, Get, &Message{}, answer, options...)
	return answer.GetService(), err
}

// NameOf returns the name of the replica in an answer of Get.
func NameOf(answer any) string {
	m, ok := answer.(*Message)
	if !ok {
		return ""
	}
	return m.GetService()
}
