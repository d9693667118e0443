// Package otlpsink receives traces by OTLP over gRPC and keeps them, for tests
// that want to see what a program exported.
//
// Tests of both services and deploy/otlpsink import it; no service may, and it
// must not import anything else of this project.
package otlpsink

import (
	"context"
	"encoding/hex"
	"net"
	"strings"
	"sync"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
)

// Span is what tests ask about a span.
type Span struct {
	Service  string `json:"service"`  // service.name of its resource
	Instance string `json:"instance"` // service.instance.id of it
	Name     string `json:"name"`
	Kind     string `json:"kind"`    // client, server, …
	TraceID  string `json:"traceID"` // hexadecimal
	ID       string `json:"id"`      // hexadecimal
	Parent   string `json:"parent"`  // id of the parent span, "" for a root
}

// Sink is a running receiver.
type Sink struct {
	collector.UnimplementedTraceServiceServer

	server   *grpc.Server
	listener net.Listener
	served   chan error

	mu    sync.Mutex
	keep  func(Span) // called with mu held
	spans []Span
}

// Start receives on a free port of the loopback and keeps all spans.
func Start() (*Sink, error) {
	return listen("127.0.0.1:0", func(s *Sink, span Span) { s.spans = append(s.spans, span) })
}

// Tell receives on an address and tells of each span, one at a time; it keeps none.
func Tell(address string, tell func(Span)) (*Sink, error) {
	return listen(address, func(_ *Sink, span Span) { tell(span) })
}

func listen(address string, keep func(*Sink, Span)) (*Sink, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	s := &Sink{server: grpc.NewServer(), listener: listener, served: make(chan error, 1)}
	s.keep = func(span Span) { keep(s, span) }
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
		of := map[string]string{}
		for _, kv := range rs.GetResource().GetAttributes() {
			of[kv.GetKey()] = kv.GetValue().GetStringValue()
		}
		for _, ss := range rs.GetScopeSpans() {
			for _, span := range ss.GetSpans() {
				s.keep(Span{
					Service: of["service.name"], Instance: of["service.instance.id"], Name: span.GetName(),
					Kind:    strings.ToLower(strings.TrimPrefix(span.GetKind().String(), "SPAN_KIND_")),
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
