package system

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/test/interop"
	"bookstall/internal/test/programtest"
)

// items returns a list of items as the Python client prints it.
func items(n int) string {
	var list []string
	for id := 1; id <= n; id++ {
		list = append(list, fmt.Sprintf(`[%d, "name %d"]`, id, id))
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// messages returns a list of messages as the Python client prints it.
func messages(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`"message %d"`, i))
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// TestPythonClients makes every call of the tutorials from Python, against a
// built replica.
func TestPythonClients(t *testing.T) {
	python := interop.NewPython(t)
	var log journal
	f := start(t, fleet.Config{Replicas: 1, Log: &log, Tutorial: true})
	address := f.Replicas()[0].GRPC

	for _, test := range []struct{ call, argument, want string }{
		{"say_hello", "Zoë", `"Hello Zo\u00eb!"`},
		{"say_hello", "", `"Hello !"`},
		{"get_all", "10", items(10)},
		{"get_all", "0", "[]"},
		{"get_all", "10000", items(10000)},
		{"get_all", "10001", `["INVALID_ARGUMENT", "invalid request: length is 10001, want 0 to 10000; getStream takes more"]`},
		{"get_stream", "5", items(5)},
		{"get_stream", "-1", `["INVALID_ARGUMENT", "invalid request: length is -1, want 0 to 1000000"]`},
		{"count_stream", "100000", "100000"},
		{"leave_stream", "1000000", "[1, 2, 3]"},
		{"unary", "test", `["Hello I am up and running received \"test\" message from you", true]`},
		{"client_streaming", "7", `["Hello I am up and running received 7 messages from you", true]`},
		{"bidirectional", "100", messages(100)},
		{"ping_pong", "20", messages(20)},
		{"process_name", "test", `"TEST"`},
		{"health", "", `"SERVING"`},
		{"health", "recommendations.v1.RecommendationsService", `"SERVING"`},
		{"health", "nobody", `["NOT_FOUND", "unknown service"]`},
	} {
		t.Run(test.call+" "+test.argument, func(t *testing.T) {
			if got := python.Call(t, address, test.call, test.argument); got != test.want {
				t.Errorf("got  %.300s\nwant %.300s", got, test.want)
			}
		})
	}
	for _, category := range []string{"FICTIONAL", "ROMANCE", "SELF_HELP"} {
		t.Run("recommend "+category, func(t *testing.T) {
			var books [][2]any
			text := python.Call(t, address, "recommend", category)
			if err := json.Unmarshal([]byte(text), &books); err != nil || len(books) != 3 || books[0][1] == "" {
				t.Errorf("got %s, %v; want three books", text, err)
			}
		})
	}
	log.wait(t, 1, `"requestID":"python-request-1"`, "/Service1/ProcessName")
	// The stream that its client left is logged too, with another code than OK.
	log.wait(t, 4, `"method":"/api.Api/getStream"`)
	log.wait(t, 2, `"method":"/api.Api/getStream"`, `"code":"OK"`)
}

// TestTheShopShowsTheExamples checks the tutorials' page and API through both
// programs.
func TestTheShopShowsTheExamples(t *testing.T) {
	var log journal
	f := start(t, fleet.Config{Replicas: 2, Log: &log, Tutorial: true})
	_, page := programtest.Get(t, f.URL+"/tutorial?say=one+two+%3Cb%3E", "X-Request-ID", "tutorial-page-1")
	for _, want := range []string{
		"Hello reader!", "<code>10</code> name 10", "<code>5</code> name 5", `id="recommended"`, "Each sent back",
		"<li>one</li><li>two</li><li>&lt;b&gt;</li>", "received 3 messages from you", "received &#34;one two &lt;b&gt;&#34; message",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, `class="notice"`) {
		t.Errorf("the page apologises:\n%s", page)
	}
	log.wait(t, 7, `"service":"recommendations"`, `"requestID":"tutorial-page-1"`)
	for via, line := range map[string]string{
		"": `"method":"/Service1/ProcessName"`, "&via=grpc": `"method":"/Service1/ProcessName"`,
		"&via=rest": `"route":"/api/v1/process-name"`, "&via=rest-once": `"route":"/api/v1/process-name"`,
	} {
		id := "say-hello-" + strings.TrimPrefix(via, "&via=")
		resp, body := programtest.Get(t, f.URL+"/api/v1/say-hello?name=test"+via, "X-Request-ID", id)
		if resp.StatusCode != http.StatusOK || strings.TrimSpace(body) != `"Hello, TEST!"` ||
			resp.Header.Get("X-Request-ID") != id || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("via %q: %d %s %v", via, resp.StatusCode, body, resp.Header)
		}
		log.wait(t, 1, `"service":"marketplace"`, `"requestID":"`+id+`"`)
		log.wait(t, 1, `"service":"recommendations"`, `"requestID":"`+id+`"`, line)
	}
	// REST requests are balanced too.
	for range 10 {
		programtest.Get(t, f.URL+"/api/v1/say-hello?name=test&via=rest")
	}
	for _, r := range f.Replicas() {
		if n, err := fleet.Metric(r.Admin, "tutorial_rest_requests_total", `status="200"`); err != nil || n < 5 || n > 7 {
			t.Errorf("%s answered %v requests over REST, %v; want half of 12", r.IP, n, err)
		}
	}
}

// TestOneTraceOverBothWires follows a trace through gRPC and through REST: below the
// caller's span, each below the one before, the request, the call, the answer.
func TestOneTraceOverBothWires(t *testing.T) {
	sink := collect(t)
	f := start(t, fleet.Config{Replicas: 1, Tutorial: true})
	const caller = "00f067aa0ba902b7"
	traces := map[string]string{"grpc": "4bf92f3577b34da6a3ce929d0e0e4736", "rest": "4bf92f3577b34da6a3ce929d0e0e4737"}
	for via, trace := range traces {
		programtest.Get(t, f.URL+"/api/v1/say-hello?name=test&via="+via, "Traceparent", "00-"+trace+"-"+caller+"-01")
	}
	stop(t, f)
	for _, trace := range traces {
		parent := caller
		for _, service := range []string{"marketplace", "marketplace", "recommendations"} {
			parent = span(t, sink, trace, parent, service, "")
		}
	}
}
