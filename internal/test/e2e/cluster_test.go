//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	chart   = "../../../helm/bookstall"
	release = "bookstall"
)

// bound is how long a test waits for something. Its name is in the message of a
// test that waited in vain.
type bound struct {
	name string
	time.Duration
}

func (b bound) String() string { return fmt.Sprintf("%s (%v)", b.name, b.Duration) }

// patience is how long the cluster may take for one thing it was asked for.
var patience = bound{"patience", 2 * time.Minute}

// namespace is a Kubernetes namespace that one test has for itself.
type namespace struct {
	name string
	helm string // path of the program
}

// newNamespace creates a namespace that enforces the restricted pod security
// standard, and deletes it at the end of the test.
func newNamespace(t *testing.T) *namespace {
	t.Helper()
	if os.Getenv("KUBECONFIG") == "" {
		t.Fatal("KUBECONFIG is not set")
	}
	helm, err := filepath.Abs("../../../.tools/bin/helm")
	if err != nil {
		t.Fatal(err)
	}
	n := &namespace{name: fmt.Sprintf("e2e-%x", time.Now().UnixNano()), helm: helm}
	n.kubectl(t, "create", "namespace", n.name)
	n.kubectl(t, "label", "namespace", n.name, "pod-security.kubernetes.io/enforce=restricted")
	t.Cleanup(func() {
		if t.Failed() {
			n.logState(t)
		}
		n.kubectl(t, "delete", "namespace", n.name, "--wait=false")
	})
	return n
}

// logState logs what helps to see why a test failed.
func (n *namespace) logState(t *testing.T) {
	t.Helper()
	for _, args := range [][]string{
		{"get", "pods", "-o", "wide"}, {"get", "horizontalpodautoscalers"}, {"get", "events", "--sort-by=.lastTimestamp"},
	} {
		if out, err := n.try(context.WithoutCancel(t.Context()), "kubectl", args...); err == nil {
			t.Logf("kubectl %s\n%s", strings.Join(args, " "), out)
		}
	}
}

// try runs kubectl or helm in the namespace, for at most patience.
func (n *namespace) try(ctx context.Context, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience.Duration)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, append([]string{"--namespace=" + n.name}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = fmt.Errorf("not within %v", patience)
		}
		return stdout.String(), fmt.Errorf("%s %s: %w: %s", filepath.Base(program), strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), nil
}

func (n *namespace) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	// Cleanups need it too, and run after the test's own context has ended.
	out, err := n.try(context.WithoutCancel(t.Context()), "kubectl", args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (n *namespace) runHelm(t *testing.T, args ...string) string {
	t.Helper()
	out, err := n.try(context.WithoutCancel(t.Context()), n.helm, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// prometheusHere lets pods of the release's own namespace read metrics; by default, only
// those of the namespace monitoring may.
const prometheusHere = `--set=networkPolicy.metricsFrom[0].podSelector.matchLabels.app\.kubernetes\.io/name=prometheus`

// install installs the chart with the values that all tests need and more, and
// waits until everything is ready.
func (n *namespace) install(t *testing.T, values ...string) {
	t.Helper()
	n.installAs(t, release, values...)
}

// installAs is install for another name of the release.
func (n *namespace) installAs(t *testing.T, release string, values ...string) {
	t.Helper()
	args := []string{"install", release, chart, "--wait", "--timeout=90s", "--set=image.tag=e2e,image.pullPolicy=Never", prometheusHere}
	for _, v := range values {
		args = append(args, "--set="+v)
	}
	n.runHelm(t, args...)
}

// apply applies a manifest.
func (n *namespace) apply(t *testing.T, manifest string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "manifest.yaml")
	if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	n.kubectl(t, "apply", "-f", file)
}

// scale sets the number of replicas of recommendations and waits until it is
// reached.
func (n *namespace) scale(t *testing.T, replicas int) {
	t.Helper()
	n.kubectl(t, "scale", "deployment/"+release+"-recommendations", fmt.Sprintf("--replicas=%d", replicas))
	n.settled(t, "recommendations")
}

// settled waits until the rollout of a Deployment of the release is complete and
// the pods that it replaced are gone.
func (n *namespace) settled(t *testing.T, component string) {
	t.Helper()
	n.kubectl(t, "rollout", "status", "deployment/"+release+"-"+component, "--timeout=110s")
	n.wait(t, "no pod of "+component+" is terminating", func(out string) bool { return strings.TrimSpace(out) == "" },
		"get", "pods", "-l", selector(release, component), "-o", "jsonpath={.items[*].metadata.deletionTimestamp}")
}

// replaced waits until the first of the pods that were ready before is gone, after
// it was deleted, and as many are ready as before.
func (n *namespace) replaced(t *testing.T, component string, before []string) {
	t.Helper()
	until(t, patience, fmt.Sprintf("another pod in place of %s", before[0]), func() bool {
		now := n.pods(t, component)
		return len(now) == len(before) && !slices.Contains(now, before[0])
	})
	n.settled(t, component)
}

// selector selects the pods of one component of a release.
func selector(release, component string) string {
	return "app.kubernetes.io/instance=" + release + ",app.kubernetes.io/component=" + component
}

// pass waits for a time that is part of a drill.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	case <-time.After(d):
	}
}

// wait runs a kubectl command until it prints what done accepts, for at most
// patience.
func (n *namespace) wait(t *testing.T, what string, done func(out string) bool, args ...string) {
	t.Helper()
	var out string
	if !poll(t, patience, func() bool { out = n.kubectl(t, args...); return done(out) }) {
		t.Fatalf("not within %v: %s; last output:\n%s", patience, what, out)
	}
}

// until waits until a condition holds. If it does not within a bound, the test
// ends.
func until(t *testing.T, within bound, what string, holds func() bool) {
	t.Helper()
	if !poll(t, within, holds) {
		t.Fatalf("not within %v: %s", within, what)
	}
}

// poll looks every 200 ms whether a condition holds, and reports whether it did
// within a bound.
func poll(t *testing.T, within bound, holds func() bool) bool {
	t.Helper()
	for deadline := time.Now().Add(within.Duration); !holds(); pass(t, 200*time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// get fetches a path of a Service of the release through the API server.
func (n *namespace) get(t *testing.T, service, path string) string {
	t.Helper()
	return n.kubectl(t, "get", "--raw", fmt.Sprintf("/api/v1/namespaces/%s/services/%s/proxy%s", n.name, service, path))
}

// ofPod returns the API server's path to a path of a pod's port.
func (n *namespace) ofPod(pod, port, path string) string {
	return fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:%s/proxy%s", n.name, pod, port, path)
}

// pods returns the names of the ready pods of one component of the release.
func (n *namespace) pods(t *testing.T, component string) []string {
	t.Helper()
	return n.podsOf(t, release, component)
}

// podsOf is pods for another release.
func (n *namespace) podsOf(t *testing.T, release, component string) []string {
	t.Helper()
	var list struct {
		Items []pod `json:"items"`
	}
	out := n.kubectl(t, "get", "pods", "-o", "json", "-l", selector(release, component))
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(errors.Join(errors.New("kubectl get pods"), err))
	}
	var names []string
	for _, p := range list.Items {
		if p.ready() && p.Metadata.DeletionTimestamp == "" {
			names = append(names, p.Metadata.Name)
		}
	}
	return names
}
