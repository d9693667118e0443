package main

import (
	"net/http"
	"strings"
	"testing"

	"bookstall/internal/test/programtest"
)

// setFaults puts a set of faults and returns the HTTP status.
func setFaults(t *testing.T, p program, set string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, p.admin+"/debug/fault", strings.NewReader(set))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestFaultInjection(t *testing.T) {
	p := start(t, "--faults", "--catalog-file="+catalogFile(t))
	for _, step := range []struct {
		faults       string
		shop, readyz int
	}{
		{`{"error_share":1}`, 500, 200},
		{`{"error_share":1,"code":"RESOURCE_EXHAUSTED"}`, 503, 200},
		{`{"unready":true}`, 200, 503},
		{`{}`, 200, 200},
	} {
		if code := setFaults(t, p, step.faults); code != 200 {
			t.Fatalf("PUT %s: %d", step.faults, code)
		}
		if resp, _ := programtest.Get(t, p.shop+"/"); resp.StatusCode != step.shop {
			t.Errorf("%s: the shop says %d, want %d", step.faults, resp.StatusCode, step.shop)
		}
		if resp, _ := programtest.Get(t, p.admin+"/readyz"); resp.StatusCode != step.readyz {
			t.Errorf("%s: readyz says %d, want %d", step.faults, resp.StatusCode, step.readyz)
		}
	}
	if code := setFaults(t, p, `{"not_serving":true}`); code != 400 {
		t.Errorf("not_serving in a program without gRPC health: %d, want 400", code)
	}
}

func TestFaultInjectionIsOffByDefault(t *testing.T) {
	p := start(t)
	if code := setFaults(t, p, `{"unready":true}`); code != 404 {
		t.Errorf("PUT /debug/fault: %d, want 404", code)
	}
}
