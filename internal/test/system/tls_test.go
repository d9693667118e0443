package system

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/test/programtest"
)

// TestExpiredCertificates: a shop whose certificate has expired stays ready, shows bestsellers
// and says why, as does the replica that refuses it. A replica whose certificate has expired
// is not ready and says why. Both go on with a new certificate.
func TestExpiredCertificates(t *testing.T) {
	log := &journal{}
	f := start(t, fleet.Config{
		Replicas: 1, TLS: true, Log: log,
		MarketplaceArgs: []string{"--recommendations-timeout=5s"}, ReplicaArgs: []string{"--max-connection-age=1s"},
	})
	replica := f.Replicas()[0]
	fallsBack := func() bool {
		t.Helper()
		resp, body := programtest.Get(t, f.URL+"/api/v1/recommendations?user_id=318")
		var answer struct{ Source string }
		if err := json.Unmarshal([]byte(body), &answer); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %v: %s", resp.Status, err, body)
		}
		return answer.Source == "fallback"
	}
	until := func(what string, holds func() bool) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("timed out waiting for: %s", what)
			}
		}
	}
	logged := func(parts ...string) {
		t.Helper()
		until("a log line", func() bool { return log.count(parts...) > 0 })
	}
	expire := func(program int) {
		t.Helper()
		past := f.Certs
		past.Programs, past.Life = past.Programs[program:program+1], -time.Second
		if err := past.Renew(); err != nil {
			t.Fatal(err)
		}
	}
	renew := func() {
		t.Helper()
		if err := f.Certs.Renew(); err != nil {
			t.Fatal(err)
		}
		until("shelves again", func() bool { return !fallsBack() })
	}
	until("shelves", func() bool { return !fallsBack() })

	expire(0)
	until("the shop falls back", fallsBack)
	logged("marketplace ", `"msg":"certificate has expired, the other side refuses it"`)
	logged("marketplace ", `"msg":"replica's connection failed"`, replica.GRPC, `"reason":"other_side"`)
	logged(replica.Name+" ", `"msg":"client's connection refused"`, `"reason":"time"`, "marketplace.bookstall.test")
	if ok, err := fleet.Ready(t.Context(), f.Admin); !ok || err != nil {
		t.Errorf("the shop is not ready: %v", err)
	}
	renew()

	expire(1)
	until("the replica is not ready", func() bool { ok, _ := fleet.Ready(t.Context(), replica.Admin); return !ok })
	if resp, body := programtest.Get(t, replica.Admin+"/readyz"); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%s: %s", resp.Status, body)
	} else {
		t.Logf("/readyz: %s", body)
	}
	logged(replica.Name+" ", `"msg":"not serving"`, "TLS: the certificate expired at ")
	until("the shop falls back", fallsBack)
	logged("marketplace ", `"msg":"replica's connection failed"`, replica.GRPC, `"reason":"time"`, "recommendations.bookstall.test")
	renew()
}
