package chart

import (
	"crypto/tls"
	"crypto/x509"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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

// certificates returns the Secrets of kind kubernetes.io/tls in manifests.
func certificates(t *testing.T, manifests []byte) (list []object) {
	t.Helper()
	for _, o := range parse(t, manifests) {
		if o.kind() == "Secret" && o.text("type") == "kubernetes.io/tls" {
			list = append(list, o)
		}
	}
	return list
}

// TestGeneratedCertificates: Helm makes certificates that the programs accept, keeps those
// that the cluster has, and makes none without a cluster to keep them in.
func TestGeneratedCertificates(t *testing.T) {
	for _, name := range []string{"helm", "helm3"} {
		t.Run(name, func(t *testing.T) {
			helm := tool(t, name)
			in := func(kubeconfig string) []object {
				t.Helper()
				return certificates(t, inCluster(t, helm, kubeconfig, "--set=tls.enabled=true,tls.generate=true"))
			}
			first := in(cluster(t))
			if len(first) != 2 || first[0].text("data", "ca.crt") != first[1].text("data", "ca.crt") {
				t.Fatalf("%d Secrets, or two CAs", len(first))
			}
			for _, s := range first {
				component := strings.TrimSuffix(strings.TrimPrefix(s.name(), "bookstall-"), "-tls")
				pair, err := tls.X509KeyPair(decoded(t, s.text("data", "tls.crt")), decoded(t, s.text("data", "tls.key")))
				if err != nil {
					t.Fatal(err)
				}
				pool := x509.NewCertPool()
				pool.AppendCertsFromPEM(decoded(t, s.text("data", "ca.crt")))
				for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth} {
					if _, err := pair.Leaf.Verify(x509.VerifyOptions{
						Roots: pool, DNSName: "bookstall-" + component + ".shop.svc.cluster.local", KeyUsages: []x509.ExtKeyUsage{usage},
					}); err != nil {
						t.Errorf("%s: %v", s.name(), err)
					}
				}
			}
			again := in(cluster(t, first...))
			if diff := cmp.Diff(first, again); diff != "" {
				t.Errorf("an upgrade makes others: %s", diff)
			}
			if half := in(cluster(t, first[0])); half[0].text("data", "ca.crt") != half[1].text("data", "ca.crt") || half[0].text("data", "ca.crt") == first[0].text("data", "ca.crt") {
				t.Error("with one of the Secrets gone, the programs do not trust each other")
			}
			if out, err := render(t, helm, "--set=tls.enabled=true,tls.generate=true"); err == nil || !strings.Contains(err.Error(), "tls.generate needs a cluster") {
				t.Errorf("without a cluster: %v, %d bytes", err, len(out))
			}
		})
	}
}

// TestCertificatesOfCertManager: each program has a certificate of its own, for its use, and
// mounts it.
func TestCertificatesOfCertManager(t *testing.T) {
	const set = "--set=tls.enabled=true,tls.certManager.issuerRef.name=ca,tls.serverName=books.example.org"
	objects := rendered(t, set, "--api-versions=cert-manager.io/v1/Certificate")
	if forced := rendered(t, set, "--set=tls.certManager.force=true"); len(forced) != len(objects) {
		t.Errorf("%d objects, forced %d", len(objects), len(forced))
	}
	secrets, mounted := map[string]string{}, map[string]string{}
	for _, o := range objects {
		if o.kind() == "Certificate" {
			component, _ := o.at("metadata", "labels").(map[string]any)["app.kubernetes.io/component"].(string)
			secrets[component] = o.text("spec", "secretName")
			text := compact(t, o.at("spec"))
			usage := map[string]string{"marketplace": "client auth", "recommendations": "server auth"}[component]
			for _, want := range []string{usage, "bookstall-" + component + ".shop.svc.cluster.local", "spiffe://cluster.local/ns/shop/bookstall-" + component} {
				if !strings.Contains(text, `"`+want+`"`) {
					t.Errorf("%s: no %s in %s", component, want, text)
				}
			}
			if strings.Contains(text, "books.example.org") != (component == "recommendations") {
				t.Errorf("%s: tls.serverName in %s", component, text)
			}
		}
		if o.kind() == "Deployment" {
			for _, v := range o.pod().list("spec", "volumes") {
				if v.text("name") == "tls" {
					mounted[strings.TrimPrefix(o.name(), "bookstall-")] = v.text("secret", "secretName")
				}
			}
		}
	}
	if len(secrets) != 2 || !maps.Equal(secrets, mounted) {
		t.Errorf("Secrets %v, mounted %v", secrets, mounted)
	}
	if allowed, unknown := clientRule(t, set, "--set=tls.certManager.force=true"); strings.Contains(allowed, "recommendations") || unknown != "" {
		t.Errorf("allowed %q, others %q", allowed, unknown)
	}
}
