package balance

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	_ "google.golang.org/grpc/balancer/leastrequest"
)

func TestOptionsThatCannotWork(t *testing.T) {
	for name, test := range map[string]struct {
		option Option
		want   string // in the error
	}{
		"interval 0":              {WithInterval(0), "WithInterval"},
		"interval":                {WithInterval(-1), "WithInterval"},
		"interval in nanoseconds": {WithInterval(2000), "at least 10ms"},
		"nil":                     {nil, "option 1 of 1 is nil"},
		"one replica alone":       {WithPolicy("pick_first", ""), "calls one replica alone"},
		"lookup timeout 0":        {WithLookupTimeout(0), "WithLookupTimeout"},
		"lookup timeout":          {WithLookupTimeout(-1), "WithLookupTimeout"},
		"max stale":               {WithMaxStale(-1), "WithMaxStale"},
		"slow start":              {WithSlowStart(-1), "WithSlowStart"},
		"threshold":               {WithEjection(Ejection{Threshold: -1}), "Ejection.Threshold"},
		"min timeout":             {WithEjection(Ejection{MinTimeout: -1}), "Ejection.MinTimeout"},
		"slow floor":              {WithEjection(Ejection{SlowFloor: -1}), "Ejection.SlowFloor"},
		"slow factor":             {WithEjection(Ejection{SlowFactor: -1}), "Ejection.SlowFactor"},
		"slow threshold":          {WithEjection(Ejection{SlowThreshold: -1}), "Ejection.SlowThreshold"},
		"slow span":               {WithEjection(Ejection{SlowSpan: -1}), "Ejection.SlowSpan"},
		"probe interval":          {WithEjection(Ejection{ProbeInterval: -1}), "Ejection.ProbeInterval"},
		"max probe interval":      {WithEjection(Ejection{ProbeInterval: time.Minute, MaxProbeInterval: time.Second}), "Ejection.MaxProbeInterval"},
		"probe timeout":           {WithEjection(Ejection{ProbeTimeout: -1}), "Ejection.ProbeTimeout"},
		"unknown policy":          {WithPolicy("fastest", ""), `no policy "fastest"`},
		"no policy":               {WithPolicy("", ""), `no policy ""`},
		"policy's JSON":           {WithPolicy("round_robin", "{"), "WithPolicy"},
		"policy's configuration":  {WithPolicy("least_request_experimental", `{"choiceCount":1}`), "WithPolicy"},
		"service config's JSON":   {WithServiceConfig("{"), "WithServiceConfig"},
		"service config: a list":  {WithServiceConfig("[]"), "WithServiceConfig"},
		"service config: policy":  {WithServiceConfig(`{"loadBalancingConfig":[]}`), "loadBalancingConfig"},
		"service config: policy'": {WithServiceConfig(`{"loadBalancingPolicy":"round_robin"}`), "loadBalancingPolicy"},
		"service config: health":  {WithServiceConfig(`{"healthCheckConfig":{}}`), "healthCheckConfig"},
	} {
		b, err := New(test.option)
		if !errors.Is(err, ErrOption) || b != nil || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want ErrOption that names %s", name, err, test.want)
		}
	}
}

func TestAllFaultsOfOptionsAreReported(t *testing.T) {
	_, err := New(WithInterval(0), WithSlowStart(-1), WithEjection(Ejection{Threshold: -1}))
	for _, want := range []string{"WithInterval", "WithSlowStart", "Ejection.Threshold"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want it to name %s", err, want)
		}
	}
}

func TestOptionsThatWork(t *testing.T) {
	for name, option := range map[string]Option{
		"no slow start":                  WithSlowStart(0),
		"no stale list":                  WithMaxStale(0),
		"no logger":                      WithLogger(nil),
		"no observer":                    WithObserver(nil),
		"defaults of ejection":           WithEjection(Ejection{}),
		"a long probe interval":          WithEjection(Ejection{ProbeInterval: time.Minute}), // longer than the default maximum
		"a policy without configuration": WithPolicy("round_robin", ""),
		"a policy with configuration":    WithPolicy("least_request_experimental", `{"choiceCount":3}`),
		"no service config":              WithServiceConfig(""),
		"JSON's null":                    WithServiceConfig("null"),
	} {
		b, err := New(option)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		b.Close()
	}
}

func TestServiceConfig(t *testing.T) {
	own := `[{"` + policyName + `":{"childPolicy":[{"round_robin":{}}]}}]`
	for name, test := range map[string]struct {
		options []Option
		want    string
	}{
		"defaults": {nil, `{"loadBalancingConfig":` + own + `,"healthCheckConfig":{"serviceName":""}}`},
		"named":    {[]Option{WithHealthService("test.Books")}, `{"loadBalancingConfig":` + own + `,"healthCheckConfig":{"serviceName":"test.Books"}}`},
		"no health check": {
			[]Option{WithHealthService("test.Books"), WithoutHealthCheck()}, `{"loadBalancingConfig":` + own + `}`,
		},
		"merged": {
			[]Option{WithServiceConfig(`{"retryThrottling":{"maxTokens":10,"tokenRatio":0.1}}`)},
			`{"loadBalancingConfig":` + own + `,"healthCheckConfig":{"serviceName":""},"retryThrottling":{"maxTokens":10,"tokenRatio":0.1}}`,
		},
		"another policy": {
			[]Option{WithPolicy("least_request_experimental", `{"choiceCount":3}`), WithoutHealthCheck()},
			`{"loadBalancingConfig":[{"` + policyName + `":{"childPolicy":[{"least_request_experimental":{"choiceCount":3}}]}}]}`,
		},
	} {
		b, err := New(test.options...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !reflect.DeepEqual(parsed(t, b.serviceConfig), parsed(t, test.want)) {
			t.Errorf("%s: service config %s, want %s", name, b.serviceConfig, test.want)
		}
	}
}

func parsed(t *testing.T, text string) (value any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}
