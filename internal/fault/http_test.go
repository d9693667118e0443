package fault

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"

	"bookstall/internal/lifecycle"
)

// ask sends one request and returns the response and its body.
func ask(t *testing.T, method, url, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

// serve starts a server for the admin handler and one for a shop that answers "ok".
func serve(t *testing.T, health bool) (f *Faults, admin, shop string, exited chan int) {
	t.Helper()
	exited = make(chan int, 1)
	f = New(Config{
		Readiness: lifecycle.NewReadiness(), Health: health, Exit: func(code int) { exited <- code }, Log: logr.Discard(),
	})
	a := httptest.NewServer(f.Handler())
	s := httptest.NewServer(f.Middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })))
	t.Cleanup(a.Close)
	t.Cleanup(s.Close)
	return f, a.URL + "/debug/fault", s.URL, exited
}

func TestPutShowAndClear(t *testing.T) {
	_, admin, _, _ := serve(t, true)
	const off = `{"unready":false,"not_serving":false,"error_share":0,"code":"INTERNAL","delay":"0s","hang":false,"panic":false,"calls":0}` + "\n"
	const on = `{"unready":true,"not_serving":true,"error_share":0.25,"code":"UNAVAILABLE","delay":"1.5s","hang":true,"panic":false,"calls":7}` + "\n"
	for _, step := range []struct{ method, body, want string }{
		{"GET", "", off},
		{"PUT", on, on},
		{"GET", "", on},
		{"PUT", `{"delay":"0s"}`, off}, // a field that is left out is off
		{"PUT", on, on},
		{"DELETE", "", off},
		{"GET", "", off},
	} {
		resp, got := ask(t, step.method, admin, step.body)
		if resp.StatusCode != http.StatusOK || got != step.want {
			t.Errorf("%s %s: %d %s", step.method, step.body, resp.StatusCode, got)
		}
	}
	if resp, _ := ask(t, "POST", admin, on); resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", resp.StatusCode)
	}
}

func TestInvalidFaultsAreReportedWithWhatIsAllowed(t *testing.T) {
	f, admin, _, _ := serve(t, true)
	for body, wants := range map[string][]string{
		`{"eror_share":1}`:              {`unknown field "eror_share"`, "error_share"},
		`{"Hang":true}`:                 {`unknown field "Hang"`},
		`{"error_share":1.5,"hang":1}`:  {"error_share is 1.5, want a number from 0 to 1", "hang is 1, want true or false"},
		`{"error_share":-0.1}`:          {"error_share is -0.1"},
		`{"code":"OK"}`:                 {`code is "OK", want one of INTERNAL, UNAVAILABLE`},
		`{"delay":5}`:                   {`delay is 5, want a duration`, `"250ms"`},
		`{"delay":"-1s"}`:               {`delay is "-1s"`},
		`{"unready":null}`:              {"unready is null"},
		`{"calls":-1}`:                  {"calls is -1, want a number from 0"},
		`{"exit":256}`:                  {"exit is 256, want a status from 0 to 255"},
		`{"exit":null}`:                 {"exit is null"},
		`{"hang":true}{"unready":true}`: {"not a JSON object"},
		`null`:                          {"not a JSON object"},
		``:                              {"not a JSON object"},
	} {
		resp, got := ask(t, "PUT", admin, body)
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", body, resp.StatusCode)
		}
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("%s: the answer lacks %q: %s", body, want, got)
			}
		}
	}
	if got := f.Current(); got != none() {
		t.Errorf("a refused request changed the faults: %+v", got)
	}
	_, without, _, _ := serve(t, false)
	if resp, got := ask(t, "PUT", without, `{"not_serving":true}`); resp.StatusCode != http.StatusBadRequest || !strings.Contains(got, "no gRPC health") {
		t.Errorf("not_serving without a health service: %d %s", resp.StatusCode, got)
	}
	if resp, got := ask(t, "PUT", without, `{"panic":true}`); resp.StatusCode != http.StatusBadRequest || !strings.Contains(got, "outside of what recovers") {
		t.Errorf("panic where nothing recovers: %d %s", resp.StatusCode, got)
	}
	if resp, got := ask(t, "PUT", without, `{"not_serving":false}`); resp.StatusCode != http.StatusOK {
		t.Errorf("not_serving off without a health service: %d %s", resp.StatusCode, got)
	}
}

func TestExitAnswersFirst(t *testing.T) {
	_, admin, _, exited := serve(t, true)
	if resp, got := ask(t, "PUT", admin, `{"exit":3}`); resp.StatusCode != http.StatusAccepted {
		t.Errorf("exit: %d %s, want 202", resp.StatusCode, got)
	}
	if code := <-exited; code != 3 {
		t.Errorf("exit status %d, want 3", code)
	}
}

func TestMiddlewareFailsRequests(t *testing.T) {
	f, _, shop, _ := serve(t, false)
	if resp, got := ask(t, "GET", shop, ""); resp.StatusCode != http.StatusOK || got != "ok" {
		t.Errorf("no faults: %d %s", resp.StatusCode, got)
	}
	for code, want := range map[string]int{
		"INTERNAL": 500, "UNAVAILABLE": 503, "RESOURCE_EXHAUSTED": 503, "DEADLINE_EXCEEDED": 504, "UNIMPLEMENTED": 501,
	} {
		f.Change(Set{ErrorShare: 1, Code: code})
		resp, _ := ask(t, "GET", shop, "")
		if shed := resp.Header.Get("Retry-After") != ""; resp.StatusCode != want || shed != (code == "RESOURCE_EXHAUSTED") {
			t.Errorf("%s: %d, Retry-After %v", code, resp.StatusCode, shed)
		}
	}
}

// If a request outlived its client, its goroutine would remain, which TestMain reports.
func TestAHangingRequestEndsWithItsClient(t *testing.T) {
	f, _, shop, _ := serve(t, false)
	f.Change(Set{Hang: true})
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		req, err := http.NewRequestWithContext(ctx, method, shop, strings.NewReader("reader=1"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
		cancel()
		if err == nil {
			resp.Body.Close()
			t.Errorf("%s: answered with %d", method, resp.StatusCode)
		}
	}
}
