package system

import (
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"bookstall/internal/lab/fleet"
)

// fields returns the values of a message of protobuf by number. Those of a message or text are
// without their length.
func fields(t *testing.T, message []byte) map[protowire.Number][][]byte {
	t.Helper()
	found := map[protowire.Number][][]byte{}
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		message = message[n:]
		n = protowire.ConsumeFieldValue(number, kind, message)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		value := message[:n]
		if kind == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(value)
		}
		found[number] = append(found[number], value)
		message = message[n:]
	}
	return found
}

// histogram is what a Prometheus that knows native histograms gets of one.
type histogram struct {
	native  bool
	buckets int // of the others
}

// histograms returns the histograms of a program, read from the protobuf format of Prometheus.
func histograms(t *testing.T, admin string) map[string]histogram {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, admin+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	// Numbers of io.prometheus.client.
	const familyName, familyMetric, metricHistogram, histogramBucket, histogramSchema = 1, 4, 7, 3, 5
	found := map[string]histogram{}
	for len(text) > 0 {
		message, n := protowire.ConsumeBytes(text)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		text = text[n:]
		family := fields(t, message)
		for _, metric := range family[familyMetric] {
			for _, one := range fields(t, metric)[metricHistogram] {
				h := fields(t, one)
				found[string(family[familyName][0])] = histogram{native: h[histogramSchema] != nil, buckets: len(h[histogramBucket])}
			}
		}
	}
	return found
}

// Without --native-histograms no histogram is native. With it all are, and keep the buckets that
// the rules and dashboards use.
func TestNativeHistograms(t *testing.T) {
	t.Parallel()
	names := map[bool][]string{}
	for _, native := range []bool{false, true} {
		cfg := fleet.Config{Replicas: 1, ReplicaArgs: []string{"--store=sqlite:" + filepath.Join(t.TempDir(), "store.db")}}
		if native {
			cfg.MarketplaceArgs = []string{"--native-histograms"}
			cfg.ReplicaArgs = append(cfg.ReplicaArgs, "--native-histograms")
		}
		f := start(t, cfg)
		if _, err := fleet.Get(t.Context(), f.URL+"/books/1"); err != nil {
			t.Fatal(err)
		}
		for _, admin := range []string{f.Admin, f.Replicas()[0].Admin} {
			found := histograms(t, admin)
			for name, h := range found {
				if h.native != native || h.buckets == 0 {
					t.Errorf("with --native-histograms=%v, %s is %+v", native, name, h)
				}
			}
			names[native] = append(names[native], slices.Sorted(maps.Keys(found))...)
		}
	}
	if !slices.Equal(names[true], names[false]) || len(names[true]) < 10 {
		t.Errorf("histograms %v, without native ones %v", names[true], names[false])
	}
}
