//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"

	"bookstall/internal/lab/load"
)

// TestDNSAway stops the cluster's DNS for 30 s. After half of that time a replica is
// deleted. The replica that replaces it gets calls once DNS is back, and so does one
// that is added then.
func TestDNSAway(t *testing.T) {
	n := newNamespace(t)
	n.install(t)
	system := &namespace{name: "kube-system", helm: n.helm}
	replicas := system.kubectl(t, "get", "deployment/coredns", "-o", "jsonpath={.spec.replicas}")
	restore := func() {
		system.kubectl(t, "scale", "deployment/coredns", "--replicas="+replicas)
		system.kubectl(t, "rollout", "status", "deployment/coredns", "--timeout=110s")
	}
	t.Cleanup(restore)

	shop := n.pods(t, "marketplace")[0]
	running := n.startLoad(t, 75*time.Second)
	system.kubectl(t, "scale", "deployment/coredns", "--replicas=0")
	system.wait(t, "no endpoint of the DNS Service is ready", func(out string) bool { return !strings.Contains(out, "true") },
		"get", "endpointslices", "-l", "kubernetes.io/service-name=kube-dns", "-o", "jsonpath={.items[*].endpoints[*].conditions.ready}")
	away := time.Now()
	pass(t, 15*time.Second)
	n.kubectl(t, "delete", "pod", n.pods(t, "recommendations")[0], "--wait=false")
	pass(t, time.Until(away.Add(30*time.Second)))
	if age := n.metric(t, shop, "discovery_list_age_seconds"); age < 20 {
		t.Errorf("the shop's list of replicas is %.1f s old, want 20 at least: DNS was not away", age)
	}
	restore()
	back := time.Now()
	t.Logf("DNS was away for %.1f s", back.Sub(away).Seconds())
	n.scale(t, 4)
	for _, pod := range n.pods(t, "recommendations") {
		first := n.firstShelf(t, pod)
		if first.After(away) {
			t.Logf("%s had its first call %.1f s after DNS was back", pod, first.Sub(back).Seconds())
		}
	}
	r := running.end(t)
	within(t, r, load.Planned())
	if len(r.Replicas) != 5 {
		t.Errorf("%d replicas answered, want 5: the first three, a replacement and one more: %+v", len(r.Replicas), r.Replicas)
	}
}
