package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"bookstall/internal/otlpsink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestSpansAreLines exports two spans with the SDK, as a service does.
func TestSpansAreLines(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out bytes.Buffer
	said, say := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"-address", "127.0.0.1:0"}, &out, say) }()
	line, err := bufio.NewReader(said).ReadString('\n')
	endpoint, found := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !found {
		t.Fatalf("%q, %v", line, err)
	}

	exporter, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(endpoint))
	if err != nil {
		t.Fatal(err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(resource.NewSchemaless(
		attribute.String("service.name", "shop"), attribute.String("service.instance.id", "shop-1"))))
	outer, server := provider.Tracer("").Start(ctx, "GET /", trace.WithSpanKind(trace.SpanKindServer))
	_, client := provider.Tracer("").Start(outer, "Recommend", trace.WithSpanKind(trace.SpanKindClient))
	client.End()
	server.End()
	if err := provider.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}

	var got []otlpsink.Span
	for d := json.NewDecoder(&out); d.More(); {
		var span otlpsink.Span
		if err := d.Decode(&span); err != nil {
			t.Fatal(err)
		}
		got = append(got, span)
	}
	if len(got) != 2 {
		t.Fatalf("%+v", got)
	}
	id := server.SpanContext()
	want := otlpsink.Span{
		Service: "shop", Instance: "shop-1", Name: "Recommend", Kind: "client",
		TraceID: id.TraceID().String(), ID: client.SpanContext().SpanID().String(), Parent: id.SpanID().String(),
	}
	if got[0] != want {
		t.Errorf("%+v, want %+v", got[0], want)
	}
	if got[1].Kind != "server" || got[1].Parent != "" || got[1].ID != want.Parent {
		t.Errorf("%+v is not the parent of the first span", got[1])
	}
}

func TestBadArguments(t *testing.T) {
	for want, args := range map[string][]string{
		"unknown argument": {"here"},
		"not defined":      {"-port=1"},
		"listen":           {"-address=nowhere"},
	} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", args, err, want)
		}
	}
}
