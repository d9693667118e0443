//go:build e2e

package e2e

import (
	"strconv"
	"strings"
	"testing"
)

// metric returns the sum of the samples of a pod's metric whose labels contain all
// the given texts.
func (n *namespace) metric(t *testing.T, pod, name string, labels ...string) (sum float64) {
	t.Helper()
	found := false
	for text := range strings.Lines(n.kubectl(t, "get", "--raw", n.ofPod(pod, "9090", "/metrics"))) {
		of, value, _ := strings.Cut(strings.TrimSpace(text), " ")
		if i := strings.LastIndexByte(text, '}'); i >= 0 {
			of, value = text[:i+1], strings.TrimSpace(text[i+1:])
		}
		if of != name && !strings.HasPrefix(of, name+"{") || !containsAll(of, labels) {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatalf("metric of %s: %q: %v", pod, text, err)
		}
		sum, found = sum+v, true
	}
	if !found && len(labels) == 0 {
		t.Fatalf("%s has no metric %s", pod, name)
	}
	return sum
}

func containsAll(text string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// shelves returns how many calls for shelves a replica has answered.
func (n *namespace) shelves(t *testing.T, pod string) float64 {
	t.Helper()
	const calls = "grpc_server_call_duration_seconds_count"
	return n.metric(t, pod, calls, `grpc_status="OK"`, `RecommendationsService/Recommend"`) +
		n.metric(t, pod, calls, `grpc_status="OK"`, `RecommendationsService/SimilarBooks"`)
}
