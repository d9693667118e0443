//go:build large

package catalog

import (
	"testing"
	"time"
)

func TestLargeCatalogue(t *testing.T) {
	testTimeOfSearch(t, 100_000, 20*time.Millisecond, 60*time.Millisecond)
}
