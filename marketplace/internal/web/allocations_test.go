//go:build !race

package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.opentelemetry.io/otel/trace/noop"

	"bookstall/internal/telemetry"
)

// A request costs few allocations besides its answer, with everything on and no trace.
func TestAllocationsOfARequest(t *testing.T) {
	tel := telemetry.New(t.Context(), "test", "shop-1", telemetry.Config{LogLevel: "info"}, io.Discard)
	defer tel.Close()
	s := newQuietShop(t, fewBooks(), func(c *Config) {
		c.Log, c.TracerProvider, c.MaxRequests = tel.Log, noop.NewTracerProvider(), 10
	})
	r := httptest.NewRequest(http.MethodGet, "/api/v1/books/1", nil)
	const allowed = 71
	n := testing.AllocsPerRun(200, func() {
		rec := httptest.NewRecorder()
		if s.handler.ServeHTTP(rec, r); rec.Code != http.StatusOK {
			t.Fatal(rec.Code)
		}
	})
	t.Logf("%v allocations", n)
	if n > allowed {
		t.Errorf("%v allocations for a book by the API, want at most %d", n, allowed)
	}
}
