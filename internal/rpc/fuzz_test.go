package rpc

import (
	"slices"
	"testing"

	"google.golang.org/grpc/metadata"

	"bookstall/internal/telemetry"
)

// FuzzRequestIDOfCall checks that the server uses the first valid request id in the
// metadata, or makes a new one.
func FuzzRequestIDOfCall(f *testing.F) {
	f.Add("request-1", "request-2")
	f.Add("bad id", "request-2")
	f.Add("", "12345678\n")
	f.Fuzz(func(t *testing.T, first, second string) {
		sent := []string{first, second}
		ctx := metadata.NewIncomingContext(t.Context(), metadata.MD{telemetry.RequestIDMetadata: sent})
		id := telemetry.RequestID(withRequestID(ctx))
		if !telemetry.ValidRequestID(id) {
			t.Fatalf("%q: the server uses the invalid id %q", sent, id)
		}
		if valid := slices.IndexFunc(sent, telemetry.ValidRequestID); valid >= 0 && id != sent[valid] {
			t.Errorf("%q: the server uses the id %q", sent, id)
		}
	})
}
