package system

import (
	"encoding/json"
	"strings"
	"testing"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/test/programtest"
)

// TestOneRequestThroughBothPrograms follows one request id and one trace from
// the caller through marketplace into the replica that answered.
func TestOneRequestThroughBothPrograms(t *testing.T) {
	sink := collect(t)
	var log journal
	f := start(t, fleet.Config{Replicas: 2, Log: &log})

	const id, trace, caller = "one-request-0001", "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	resp, body := programtest.Get(t, f.URL+"/api/v1/recommendations?user_id=1",
		"X-Request-ID", id, "Traceparent", "00-"+trace+"-"+caller+"-01")
	var answer struct {
		Source   string `json:"source"`
		ServedBy string `json:"served_by"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Source != "personal" || answer.ServedBy == "" {
		t.Fatalf("%s: %v", body, err)
	}
	if got := resp.Header.Get("X-Request-ID"); got != id {
		t.Errorf("X-Request-ID %q, want %q", got, id)
	}
	stop(t, f)

	for _, program := range []string{`"service":"marketplace"`, `"instance":"` + answer.ServedBy + `"`} {
		if n := log.count(program, `"requestID":"`+id+`"`, `"traceID":"`+trace+`"`); n != 1 {
			t.Errorf("%d lines of %s with the request's id and trace, want its access line", n, program)
		}
	}
	// Below the caller's span, each below the one before: the page, the call, the answer.
	const recommend = "recommendations.v1.RecommendationsService/Recommend"
	request := span(t, sink, trace, caller, "marketplace", "GET /api/v1/recommendations")
	call := span(t, sink, trace, request, "marketplace", recommend)
	span(t, sink, trace, call, "recommendations", recommend)
}

func TestAProgramThatCannotStartIsReported(t *testing.T) {
	_, err := fleet.Start(fleet.Config{Bin: programtest.Build(t), Replicas: 1, MarketplaceArgs: []string{"--no-such-flag"}})
	if err == nil || !strings.Contains(err.Error(), "--no-such-flag") {
		t.Errorf("got %v, want an error that names the flag", err)
	}
}
