//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestFigures measures a pod's memory and how long it takes to start, without a load.
func TestFigures(t *testing.T) {
	n := newNamespace(t)
	n.install(t)
	t.Run("memory of an idle pod", func(t *testing.T) {
		working := n.workingSets(t)
		for component, most := range map[string]float64{"marketplace": 30, "recommendations": 60} {
			for _, pod := range n.pods(t, component) {
				resident := n.metric(t, pod, "process_resident_memory_bytes") / 1e6
				t.Logf("%s: %.1f MB resident, %.1f MB in its container's working set", pod, resident, working[pod])
				if resident > most || working[pod] > most {
					t.Errorf("%s: %.1f MB resident, %.1f MB working set, want at most %.0f", pod, resident, working[pod], most)
				}
			}
		}
	})
	for component, first := range map[string]int{"marketplace": 3, "recommendations": 4} {
		t.Run("start of "+component, func(t *testing.T) { starts(t, n, component, first) })
	}
}

// starts adds ten pods, one after another, and measures how long each takes from the
// start of its container until a watch of the API reports it ready. The start is
// taken from the first line of the log, some milliseconds later: the container's
// startedAt has whole seconds only.
func starts(t *testing.T, n *namespace, component string, first int) {
	t.Helper()
	const samples, most = 10, 2 * time.Second
	ready := n.watchReadiness(t, component)
	var took []time.Duration
	for i := range samples {
		before := time.Now()
		n.kubectl(t, "scale", "deployment/"+release+"-"+component, fmt.Sprintf("--replicas=%d", first+i))
		pod, at := ready.next(t, before)
		began := n.lines(t, pod)[0].Time
		var started time.Time
		n.decode(t, &started, "get", "pod", pod, "-o", `jsonpath="{.status.containerStatuses[0].state.running.startedAt}"`)
		if late := began.Sub(started); late < 0 || late > 2*time.Second {
			t.Errorf("%s: first log line at %v, but its container started at %v", pod, began, started)
		}
		took = append(took, at.Sub(began))
	}
	slices.Sort(took)
	median := (took[samples/2-1] + took[samples/2]) / 2
	t.Logf("first line of the log to ready: median %.2f s, of %.2f to %.2f s", median.Seconds(), took[0].Seconds(), took[samples-1].Seconds())
	if median > most {
		t.Errorf("median %v, want at most %v", median, most)
	}
}

// workingSets returns the working set of each pod of the namespace in MB, from the
// kubelet.
func (n *namespace) workingSets(t *testing.T) map[string]float64 {
	t.Helper()
	sets := map[string]float64{}
	var nodes struct {
		Items []struct{ Metadata struct{ Name string } }
	}
	n.decode(t, &nodes, "get", "nodes", "-o", "json")
	for _, node := range nodes.Items {
		var summary struct {
			Pods []struct {
				PodRef     struct{ Name, Namespace string }
				Containers []struct {
					Memory struct{ WorkingSetBytes float64 }
				}
			}
		}
		n.decode(t, &summary, "get", "--raw", "/api/v1/nodes/"+node.Metadata.Name+"/proxy/stats/summary")
		for _, p := range summary.Pods {
			if p.PodRef.Namespace != n.name {
				continue
			}
			for _, c := range p.Containers {
				sets[p.PodRef.Name] += c.Memory.WorkingSetBytes / 1e6
			}
		}
	}
	return sets
}
