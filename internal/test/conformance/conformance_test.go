package conformance_test

import (
	"testing"
	"time"

	"bookstall/internal/test/conformance"
)

// TestBalance runs each row for package balance. `make conformance` runs them for others.
func TestBalance(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIP (-short): takes 20 s, and needs 127.0.0.0/8 and ::1")
	}
	rows := conformance.Rows()
	// Package balance looks DNS up every two seconds, so that a short outage is one for it.
	results := conformance.RunAll(t.Context(), rows, conformance.Ours(), conformance.Options{Outage: 8 * time.Second})
	for i, r := range results {
		t.Logf("%s: %s", rows[i].Name, r.Measured)
		if !r.OK {
			t.Errorf("%s: %s; want: %s", rows[i].Name, r.Measured, rows[i].Limit)
		}
	}
}
