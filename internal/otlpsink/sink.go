// Package otlpsink receives traces over OTLP/gRPC: for tests that check what a program exports,
// for deploy/otlpsink, which does so in a cluster, and for make observe.
package otlpsink

import (
	"context"
	"encoding/hex"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
)

// Span is the part of a span that is of use here.
type Span struct {
	Service  string `json:"service"`  // service.name of the resource
	Instance string `json:"instance"` // service.instance.id of the resource
	Name     string `json:"name"`
	Kind     string `json:"kind"`    // client, server, …
	TraceID  string `json:"traceID"` // hexadecimal
	ID       string `json:"id"`      // hexadecimal
	Parent   string `json:"parent"`  // id of the parent span, "" for a root
	// RequestID is the request id of a server's span, "" for others.
	RequestID string `json:"requestID,omitempty"`
	Events    string `json:"events,omitempty"` // those with a cause, a line NAME: CAUSE each
	// Failed is the status of a call or request that failed, such as UNAVAILABLE or 503, or
	// "error" for anything else that failed; "" for others.
	Failed string `json:"failed,omitempty"`
	Links  string `json:"links,omitempty"` // ids of the linked spans, a line each

	Start, End time.Time `json:"-"`
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

// Start listens on a free loopback port and keeps all spans.
func Start() (*Sink, error) {
	return listen("127.0.0.1:0", func(s *Sink, span Span) { s.spans = append(s.spans, span) })
}

// Listen listens on an address and calls receive with each span, one at a time. It
// keeps no span.
func Listen(address string, receive func(Span)) (*Sink, error) {
	return listen(address, func(_ *Sink, span Span) { receive(span) })
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

// Endpoint returns the value for OTEL_EXPORTER_OTLP_ENDPOINT.
func (s *Sink) Endpoint() string { return "http://" + s.listener.Addr().String() }

// Close stops the receiver.
func (s *Sink) Close() error {
	s.server.Stop()
	return <-s.served
}

// Export implements the OTLP trace service.
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
				one := Span{
					Service: of["service.name"], Instance: of["service.instance.id"], Name: span.GetName(),
					Kind:    strings.ToLower(strings.TrimPrefix(span.GetKind().String(), "SPAN_KIND_")),
					TraceID: hex.EncodeToString(span.GetTraceId()),
					ID:      hex.EncodeToString(span.GetSpanId()),
					Parent:  hex.EncodeToString(span.GetParentSpanId()),
					Start:   time.Unix(0, int64(span.GetStartTimeUnixNano())), End: time.Unix(0, int64(span.GetEndTimeUnixNano())),
				}
				failed := span.GetStatus().GetCode() == trace.Status_STATUS_CODE_ERROR
				for _, kv := range span.GetAttributes() {
					switch value := kv.GetValue(); {
					case kv.GetKey() == "request.id":
						one.RequestID = value.GetStringValue()
					case kv.GetKey() == "rpc.response.status_code" && failed:
						one.Failed = value.GetStringValue()
					case kv.GetKey() == "http.response.status_code" && failed:
						one.Failed = strconv.FormatInt(value.GetIntValue(), 10)
					}
				}
				if failed && one.Failed == "" {
					one.Failed = "error"
				}
				for _, link := range span.GetLinks() {
					one.Links += hex.EncodeToString(link.GetSpanId()) + "\n"
				}
				for _, e := range span.GetEvents() {
					for _, kv := range e.GetAttributes() {
						if kv.GetKey() == "cause" {
							one.Events += e.GetName() + ": " + kv.GetValue().GetStringValue() + "\n"
						}
					}
				}
				s.keep(one)
			}
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

// Spans returns the spans received so far.
func (s *Sink) Spans() []Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Span(nil), s.spans...)
}
