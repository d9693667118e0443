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
	"strings"
	"testing"
	"time"
)

const (
	chart   = "../../../helm/bookstall"
	release = "bookstall"
	// patience bounds what a cluster may take to do what it was told.
	patience = 2 * time.Minute
)

// namespace is a namespace of a test's own.
type namespace struct {
	name string
	helm string // the program
}

// newNamespace makes a namespace that enforces the restricted pod security
// standard, and deletes it with the test.
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
			n.tell(t)
		}
		n.kubectl(t, "delete", "namespace", n.name, "--wait=false")
	})
	return n
}

// tell logs what helps to see why a test failed.
func (n *namespace) tell(t *testing.T) {
	t.Helper()
	for _, args := range [][]string{
		{"get", "pods", "-o", "wide"}, {"get", "events", "--sort-by=.lastTimestamp"},
	} {
		if out, err := n.try(t.Context(), "kubectl", args...); err == nil {
			t.Logf("kubectl %s\n%s", strings.Join(args, " "), out)
		}
	}
}

// try runs a program in the namespace.
func (n *namespace) try(ctx context.Context, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, append([]string{"--namespace=" + n.name}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s %s: %w: %s", filepath.Base(program), strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), nil
}

func (n *namespace) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	// Cleanups run after the test's own context has ended.
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

// install installs the chart with values on top of those of all tests, and waits
// until everything is ready.
func (n *namespace) install(t *testing.T, values ...string) {
	t.Helper()
	n.installAs(t, release, values...)
}

// installAs installs the chart as another release.
func (n *namespace) installAs(t *testing.T, release string, values ...string) {
	t.Helper()
	args := []string{"install", release, chart, "--wait", "--timeout=90s", "--set=image.tag=e2e,image.pullPolicy=Never"}
	for _, v := range values {
		args = append(args, "--set="+v)
	}
	n.runHelm(t, args...)
}

// apply makes what a manifest says.
func (n *namespace) apply(t *testing.T, manifest string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "manifest.yaml")
	if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	n.kubectl(t, "apply", "-f", file)
}

// scale sets the replicas of recommendations and waits for them all.
func (n *namespace) scale(t *testing.T, replicas int) {
	t.Helper()
	n.kubectl(t, "scale", "deployment/"+release+"-recommendations", fmt.Sprintf("--replicas=%d", replicas))
	n.settled(t, "recommendations")
}

// settled waits until a Deployment of the release is what it should be.
func (n *namespace) settled(t *testing.T, component string) {
	t.Helper()
	n.kubectl(t, "rollout", "status", "deployment/"+release+"-"+component, "--timeout=110s")
}

// pass lets time go by, which is part of a drill.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	case <-time.After(d):
	}
}

// wait polls what a kubectl command prints until done says so.
func (n *namespace) wait(t *testing.T, what string, done func(out string) bool, args ...string) {
	t.Helper()
	var out string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		out = n.kubectl(t, args...)
		if done(out) {
			return
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
	t.Fatalf("never happened: %s; last:\n%s", what, out)
}

// get fetches a path of a Service of the release through the API server, which
// needs no port-forward.
func (n *namespace) get(t *testing.T, service, path string) string {
	t.Helper()
	return n.kubectl(t, "get", "--raw", fmt.Sprintf("/api/v1/namespaces/%s/services/%s/proxy%s", n.name, service, path))
}

// ofPod is a path of a pod's port, by way of the API server.
func (n *namespace) ofPod(pod, port, path string) string {
	return fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:%s/proxy%s", n.name, pod, port, path)
}

// pods returns the names of the ready pods of one component of the release.
func (n *namespace) pods(t *testing.T, component string) []string {
	t.Helper()
	return n.podsOf(t, release, component)
}

// podsOf returns those of another release.
func (n *namespace) podsOf(t *testing.T, release, component string) []string {
	t.Helper()
	var list struct {
		Items []pod `json:"items"`
	}
	out := n.kubectl(t, "get", "pods", "-o", "json", "-l", "app.kubernetes.io/instance="+release+",app.kubernetes.io/component="+component)
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
