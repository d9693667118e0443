package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	recommendationsv1 "bookstall/gen/recommendations/v1"
)

// asProgram is the variable that makes the test binary the program itself.
const asProgram = "BOOKSTALL_TEST_AS_PROGRAM"

// setFaults sends a set of faults and returns the status.
func setFaults(t *testing.T, admin, set string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(within(t, 10*time.Second), http.MethodPut, "http://"+admin+"/debug/fault", strings.NewReader(set))
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

func TestFaultsOnPurpose(t *testing.T) {
	p := start(t, "--faults")
	conn := p.dial(t)
	serving(t, conn, "")
	recommend := func() error {
		_, err := recommendationsv1.NewRecommendationsServiceClient(conn).Recommend(within(t, 10*time.Second), &recommendationsv1.RecommendRequest{UserId: 1})
		return err
	}
	if code := setFaults(t, p.adminAddress, `{"error_share":0.5,"code":"UNAVAILABLE"}`); code != 200 {
		t.Fatalf("PUT: %d", code)
	}
	var failed int
	for range 10 {
		if status.Code(recommend()) == codes.Unavailable {
			failed++
		}
	}
	if failed != 5 {
		t.Errorf("%d of 10 calls failed, want 5", failed)
	}
	if code := setFaults(t, p.adminAddress, `{"unready":true}`); code != 200 {
		t.Fatalf("PUT: %d", code)
	}
	if code, body := get(t, "http://"+p.adminAddress+"/readyz"); code != 503 || !strings.Contains(body, "injected fault") {
		t.Errorf("readyz: %d %s", code, body)
	}
	if err := recommend(); err != nil {
		t.Errorf("call to an unready replica: %v, want no error", err)
	}
	if _, err := check(t, "--address="+p.grpcAddress); err == nil || !strings.Contains(err.Error(), "NOT_SERVING") {
		t.Errorf("health while unready: %v, want NOT_SERVING", err)
	}
	if code := setFaults(t, p.adminAddress, `{}`); code != 200 {
		t.Fatalf("PUT: %d", code)
	}
	if _, err := check(t, "--address="+p.grpcAddress); err != nil {
		t.Errorf("health after the fault: %v, want SERVING", err)
	}
}

func TestWithoutTheFlagThereAreNoFaults(t *testing.T) {
	p := start(t)
	if code := setFaults(t, p.adminAddress, `{"unready":true}`); code != 404 {
		t.Errorf("PUT /debug/fault: %d, want 404", code)
	}
}

// TestExitIsACrash runs the program as a process, which must exit without draining.
func TestExitIsACrash(t *testing.T) {
	cmd := exec.CommandContext(within(t, 30*time.Second), os.Args[0], "--faults",
		"--grpc-address=127.0.0.1:0", "--admin-address=127.0.0.1:0", "--drain-delay=1h")
	cmd.Env = append(os.Environ(), asProgram+"=yes")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	asked := false
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		var line map[string]any
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			continue
		}
		switch line["msg"] {
		case "listening":
			asked = true
			if code := setFaults(t, line["adminAddress"].(string), `{"exit":7}`); code != http.StatusAccepted {
				t.Errorf("PUT: %d", code)
			}
		case "stopping":
			t.Error("the program drained")
		}
	}
	_ = cmd.Wait() // the status is checked next
	if code := cmd.ProcessState.ExitCode(); !asked || code != 7 {
		t.Errorf("asked %v, status %d, want 7", asked, code)
	}
}
