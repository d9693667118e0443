//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"bookstall/internal/lab/load"
	"bookstall/internal/pki"
)

// mounted is how long a kubelet may take to give the pods a Secret that has changed.
var mounted = bound{"mounted", 3 * time.Minute}

// TestCertificates renews the certificates of both programs twice and rolls the CA over, by
// changed Secrets and in the steps of docs/tls.md, under load.
func TestCertificates(t *testing.T) {
	n := newNamespace(t)
	folder := pki.Folder{Path: filepath.Join(t.TempDir(), "certs"), Programs: pki.Programs(""), Life: 24 * time.Hour, CALife: 48 * time.Hour}
	for i, p := range folder.Programs {
		folder.Programs[i].Names = []string{fmt.Sprintf("%s-%s.%s.svc.cluster.local", release, p.Name, n.name)}
	}
	if _, err := folder.Create(); err != nil {
		t.Fatal(err)
	}
	changes := 0
	apply := func() {
		t.Helper()
		for _, p := range folder.Programs {
			n.apply(t, secret(t, folder, p.Name))
		}
		// The kubelet looks at the Secrets of a pod every minute or so, and when the pod changes.
		changes++
		n.kubectl(t, "annotate", "pods", "-l", "app.kubernetes.io/instance="+release, "--overwrite", fmt.Sprint("example.com/secrets=", changes))
	}
	apply()
	n.install(t, "tls.enabled=true", "tls.secretName=recommendations", "tls.clientSecretName=marketplace",
		"tls.allowedClients[0]="+folder.Programs[0].Names[0], "recommendations.maxConnectionAge=5s")
	running := n.startLoad(t, time.Minute)

	// shown waits until all pods show the certificate that they have now.
	shown := func(what string) {
		t.Helper()
		began := time.Now()
		for _, p := range folder.Programs {
			leaf, err := folder.Leaf(p.Name)
			if err != nil {
				t.Fatal(err)
			}
			for _, pod := range n.pods(t, p.Name) {
				until(t, mounted, pod+" has "+what, func() bool {
					return n.metric(t, pod, "rpc_certificate_not_after_seconds", `certificate="own"`) == float64(leaf.NotAfter.Unix())
				})
			}
		}
		t.Logf("all pods have %s after %.0f s", what, time.Since(began).Seconds())
	}
	renew := func(what string) {
		t.Helper()
		if err := folder.Renew(); err != nil {
			t.Fatal(err)
		}
		apply()
		shown(what)
	}
	renew("a new certificate")
	renew("another")

	if err := folder.AddCA(); err != nil {
		t.Fatal(err)
	}
	apply()
	pass(t, 30*time.Second) // no metric tells which CAs are trusted
	renew("a certificate of the new CA")
	pass(t, 10*time.Second) // connections with the old certificates end
	if err := folder.DropCA(); err != nil {
		t.Fatal(err)
	}
	apply()
	pass(t, 30*time.Second)
	within(t, running.end(t), load.Planned())
	for _, pod := range n.pods(t, "recommendations") {
		if failed := n.metric(t, pod, "rpc_server_handshakes_failed_total"); failed > 0 {
			t.Errorf("%s: %.0f handshakes failed", pod, failed)
		}
	}
	n.runHelm(t, "test", release, "--timeout=90s")
}

// secret returns the manifest of a Secret with a program's certificate.
func secret(t *testing.T, folder pki.Folder, program string) string {
	t.Helper()
	data := map[string][]byte{}
	cert, key, ca := folder.Files(program)
	for name, file := range map[string]string{"tls.crt": cert, "tls.key": key, "ca.crt": ca} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		data[name] = content
	}
	text, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": map[string]string{"name": program}, "data": data,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
