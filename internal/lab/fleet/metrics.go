package fleet

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Metric returns the sum of the samples of one metric whose text contains all of
// labels, from the admin port of a process. Without labels, a metric that is
// missing is an error.
func Metric(admin, name string, labels ...string) (float64, error) {
	text, err := Get(context.Background(), admin+"/metrics")
	if err != nil {
		return 0, err
	}
	var sum float64
	found := false
next:
	for sample := range strings.Lines(string(text)) {
		rest, ok := strings.CutPrefix(sample, name)
		if !ok || rest == "" || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		for _, l := range labels {
			if !strings.Contains(sample, l) {
				continue next
			}
		}
		value := strings.TrimSpace(rest[strings.LastIndexByte(rest, ' ')+1:])
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %q is not a number", name, value)
		}
		sum += v
		found = true
	}
	if !found && len(labels) == 0 {
		return 0, fmt.Errorf("%s has no metric %s", admin, name)
	}
	return sum, nil
}

// Asked returns how many calls of readers the replica has ended, well or not.
func (r *Replica) Asked() (int64, error) {
	var sum float64
	for _, method := range []string{"Recommend", "SimilarBooks"} {
		n, err := Metric(r.Admin, "grpc_server_call_duration_seconds_count", "RecommendationsService/"+method+`"`)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return int64(sum), nil
}
