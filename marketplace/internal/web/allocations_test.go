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
	s := newQuietShop(t, manyBooks(), func(c *Config) {
		c.Log, c.TracerProvider, c.MaxRequests = tel.Log, noop.NewTracerProvider(), 10
	})
	for path, allowed := range map[string]float64{
		"/api/v1/books/1":                   49,
		"/api/v1/recommendations?user_id=1": 54, // of 10 books
	} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		n := testing.AllocsPerRun(200, func() {
			rec := httptest.NewRecorder()
			if s.handler.ServeHTTP(rec, r); rec.Code != http.StatusOK {
				t.Fatal(rec.Code)
			}
		})
		t.Logf("%s: %v allocations", path, n)
		if n > allowed {
			t.Errorf("%s: %v allocations, want at most %v", path, n, allowed)
		}
	}
}
