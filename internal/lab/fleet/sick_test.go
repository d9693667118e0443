package fleet

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestSickReplicasAndSeveralShops does once what drills do to a fleet.
func TestSickReplicasAndSeveralShops(t *testing.T) {
	bin := build(t)
	f, err := Start(Config{
		Bin: bin, Replicas: 2, Switched: true, ReplicaArgs: []string{"--faults"},
		MarketplaceArgs: []string{"--recommendations-timeout=5s"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	call := func(when string) {
		t.Helper()
		resp, err := client.Get(f.URL + "/api/v1/recommendations?user_id=1")
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d, want 200", when, resp.StatusCode)
		}
	}

	if _, err := f.AddMarketplace(); err != nil {
		t.Fatal(err)
	}
	for f.Switch.Ready() != 2 {
		time.Sleep(5 * time.Millisecond)
	}
	if err := f.Marketplaces()[0].Kill(); err != nil {
		t.Error(err)
	}
	call("one shop killed")

	r := f.Replicas()[0]
	if err := Fault(t.Context(), r.Admin, `{"error_share":2}`); err == nil || !strings.Contains(err.Error(), "error_share") {
		t.Errorf("Fault with error_share 2: %v, want an error that names it", err)
	}
	if err := Fault(t.Context(), r.Admin, `{}`); err != nil {
		t.Error(err)
	}

	l, err := f.AddLink(r)
	if err != nil {
		t.Fatal(err)
	}
	f.PublishAddresses(l.IP)
	// Once the shop has asked DNS, the other replica receives no more calls.
	for before := int64(-1); ; {
		n, err := f.Replicas()[1].FinishedCalls()
		if err != nil {
			t.Fatal(err)
		}
		if n == before {
			break
		}
		before = n
		for range 4 {
			call("by a link")
		}
		time.Sleep(50 * time.Millisecond)
	}
	if n, err := r.FinishedCalls(); err != nil || n == 0 {
		t.Errorf("%d calls over the link, %v; want some", n, err)
	}
	if err := r.Pause(); err != nil {
		t.Error(err)
	} // Close must end it all the same
}
