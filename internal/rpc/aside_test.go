package rpc

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"bookstall/internal/telemetry"
)

func TestAsideReturnsTheError(t *testing.T) {
	want := errors.New("no store")
	if err := Aside(func() error { return want }); !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

// A panic aside ends its stream alone, and the log says where it was.
func TestPanicAside(t *testing.T) {
	var log bytes.Buffer
	tel := telemetry.New(t.Context(), "test", t.Name(), telemetry.Config{LogLevel: "info"}, &log)
	intercept := newInterceptors(tel.Log, tel.Registry, nil, Limit{}, nil, nil, nil)
	err := intercept.stream(nil, stream{ctx: t.Context()}, &grpc.StreamServerInfo{FullMethod: testDownload, IsServerStream: true},
		func(any, grpc.ServerStream) error { return Aside(fails) })
	tel.Close()
	if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "no shelf") {
		t.Errorf("got %v, want INTERNAL that says no more", err)
	}
	for _, want := range []string{`"panic: no shelf"`, "rpc.fails(", `"code":"Internal"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %s:\n%s", want, log.String())
		}
	}
}

func fails() error { panic("no shelf") }
