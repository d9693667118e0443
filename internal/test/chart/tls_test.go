package chart

import (
	"strings"
	"testing"
)

// clientRule returns who may call recommendations, and what happens to others.
func clientRule(t *testing.T, args ...string) (allowed, unknown string) {
	t.Helper()
	for _, o := range rendered(t, args...) {
		if o.kind() != "Deployment" || !strings.HasSuffix(o.name(), "-recommendations") {
			continue
		}
		for _, env := range o.pod().list("spec", "containers")[0].list("env") {
			switch env.text("name") {
			case "RECOMMENDATIONS_TLS_ALLOWED_CLIENTS":
				allowed = env.text("value")
			case "RECOMMENDATIONS_TLS_UNKNOWN_CLIENTS":
				unknown = env.text("value")
			}
		}
	}
	return allowed, unknown
}

// TestShopsOfEarlierChartsMayCall: values of a chart that did not know tls.allowedClients
// lock no shop out.
func TestShopsOfEarlierChartsMayCall(t *testing.T) {
	const shop = "bookstall-marketplace.shop.svc.cluster.local,spiffe://cluster.local/ns/shop/bookstall-marketplace"
	for _, c := range []struct{ set, allowed, unknown string }{
		// The shop presents the certificate of recommendations.
		{"tls.enabled=true,tls.secretName=x", shop + ",bookstall-recommendations.shop.svc.cluster.local", ""},
		{"tls.enabled=true,tls.secretName=x,tls.serverName=books.example.org", shop + ",books.example.org", ""},
		// Its names are in a Secret.
		{"tls.enabled=true,tls.secretName=x,tls.clientSecretName=y", shop, "warn"},
		{"tls.enabled=true,tls.secretName=x,marketplace.enabled=false", shop, "warn"},
		{"tls.enabled=true,tls.secretName=x,tls.clientSecretName=y,tls.allowedClients={a.b,spiffe://c/d}", "a.b,spiffe://c/d", ""},
		{"tls.enabled=false", "", ""},
	} {
		if allowed, unknown := clientRule(t, "--set="+c.set); allowed != c.allowed || unknown != c.unknown {
			t.Errorf("%s: allowed %q, others %q, want %q and %q", c.set, allowed, unknown, c.allowed, c.unknown)
		}
	}
}
