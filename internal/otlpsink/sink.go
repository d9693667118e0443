// Package otlpsink receives traces by OTLP over gRPC and keeps them, for tests
// that want to see what a program exported.
//
// Tests of both services import it; no service may, and it must not import
// anything else of this project.
package otlpsink

import (
	"context"
	"encoding/hex"
	"net"
	"sync"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
)

// Span is what tests ask about a span.
type Span struct {
	Service string // service.name of its resource
	Name    string
	TraceID string // hexadecimal
	ID      string // hexadecimal
	Parent  string // id of the parent span, "" for a root
}

// Sink is a running receiver.
type Sink struct {
	collector.UnimplementedTraceServiceServer

	server   *grpc.Server
	listener net.Listener
	served   chan error

	mu    sync.Mutex
	spans []Span
}

// Start receives on a free port of the loopback.
func Start() (*Sink, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Sink{server: grpc.NewServer(), listener: listener, served: make(chan error, 1)}
	collector.RegisterTraceServiceServer(s.server, s)
	go func() { s.served <- s.server.Serve(listener) }()
	return s, nil
}

// Endpoint is the value for OTEL_EXPORTER_OTLP_ENDPOINT.
func (s *Sink) Endpoint() string { return "http://" + s.listener.Addr().String() }

// Close stops receiving.
func (s *Sink) Close() error {
	s.server.Stop()
	return <-s.served
}

// Export implements the OTLP service.
func (s *Sink) Export(_ context.Context, req *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rs := range req.GetResourceSpans() {
		service := ""
		for _, kv := range rs.GetResource().GetAttributes() {
			if kv.GetKey() == "service.name" {
				service = kv.GetValue().GetStringValue()
			}
		}
		for _, ss := range rs.GetScopeSpans() {
			for _, span := range ss.GetSpans() {
				s.spans = append(s.spans, Span{
					Service: service, Name: span.GetName(),
					TraceID: hex.EncodeToString(span.GetTraceId()),
					ID:      hex.EncodeToString(span.GetSpanId()),
					Parent:  hex.EncodeToString(span.GetParentSpanId()),
				})
			}
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

// Spans returns what came so far.
func (s *Sink) Spans() []Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Span(nil), s.spans...)
}
