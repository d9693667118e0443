package fleet

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"bookstall/internal/lab/load"
)

// Samples returns all samples of the metrics at the admin port of a process.
func Samples(ctx context.Context, admin string) (map[string]float64, error) {
	text, err := Get(ctx, admin+"/metrics")
	if err != nil {
		return nil, err
	}
	return load.Samples(bytes.NewReader(text))
}

// Metric returns the sum of the samples of one metric whose text contains all of
// labels, from the admin port of a process. Without labels, a metric that is
// missing is an error.
func Metric(admin, name string, labels ...string) (float64, error) {
	samples, err := Samples(context.Background(), admin)
	var sum float64
	found := false
	for sample, value := range samples {
		metric, _, _ := strings.Cut(sample, "{")
		if metric == name && !slices.ContainsFunc(labels, func(l string) bool { return !strings.Contains(sample, l) }) {
			sum += value
			found = true
		}
	}
	if err == nil && !found && len(labels) == 0 {
		err = fmt.Errorf("%s has no metric %s", admin, name)
	}
	return sum, err
}

// Exclusions is how often a shop took a replica out.
type Exclusions struct {
	Probed, Common, Other int // suspicions that ended with no ejection, by result
	Ejected               int // ejections, whether a suspicion came first or not
}

// ReadExclusions reads what a marketplace with this admin URL has counted.
func ReadExclusions(admin string) (e Exclusions, err error) {
	for result, into := range map[string]*int{"probed": &e.Probed, "common": &e.Common, "other": &e.Other} {
		n, err := Metric(admin, "discovery_suspicions_total", fmt.Sprintf("result=%q", result))
		if err != nil {
			return e, err
		}
		*into = int(n)
	}
	n, err := Metric(admin, "discovery_ejections_total")
	e.Ejected = int(n)
	return e, err
}

func (e Exclusions) String() string {
	return fmt.Sprintf("%d replicas suspected and not ejected (%d passed the probe, %d common faults, %d other), %d ejected",
		e.Probed+e.Common+e.Other, e.Probed, e.Common, e.Other, e.Ejected)
}

// FinishedCalls returns how many calls of readers the replica has finished, with any
// result.
func (r *Replica) FinishedCalls() (int64, error) {
	return r.calls("grpc_server_call_duration_seconds_count")
}

// BegunCalls returns how many calls of readers the replica has received.
func (r *Replica) BegunCalls() (int64, error) { return r.calls("grpc_server_call_started_total") }

func (r *Replica) calls(metric string) (int64, error) {
	var sum float64
	for _, method := range []string{"Recommend", "SimilarBooks"} {
		n, err := Metric(r.Admin, metric, "RecommendationsService/"+method+`"`)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return int64(sum), nil
}
