package balancepage

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace/noop"

	"bookstall/balance"
	"bookstall/marketplace/internal/apitoken"
	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/signed"
	"bookstall/marketplace/internal/storefront"
	"bookstall/marketplace/internal/web"
	"bookstall/marketplace/internal/web/shelf"
)

var update = flag.Bool("update", false, "write golden files")

// fixed is a Source that never changes.
type fixed balance.Snapshot

func (f fixed) Balance() balance.Snapshot { return balance.Snapshot(f) }

// now is the clock of the tests.
func now() time.Time { return time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC) }

// allStates returns a balance with a replica in each state.
func allStates() fixed {
	ago := func(d time.Duration) time.Time { return now().Add(-d) }
	return fixed{
		Target: "dns://10.96.0.10/bookstall-recommendations.default.svc.cluster.local.:50051", ListAge: 1234 * time.Millisecond,
		Trouble: "the server <10.96.0.10> timed out", Window: 10 * time.Second,
		Replicas: []balance.Replica{
			{
				Address: "10.244.1.10:50051", Name: "bookstall-recommendations-7d4b9c6f5-x2x7q", State: balance.Serving, Since: ago(49 * time.Hour),
				Calls: 1234567, Failed: 3, Rate: 1234.5, Share: 0.72, Typical: 1234 * time.Microsecond,
				LastError: "Unavailable", LastErrorAt: ago(5 * time.Hour),
			},
			{
				Address: "10.244.1.11:50051", Name: "second", State: balance.Serving, Since: ago(130 * time.Second),
				Calls: 1000, Rate: 99.94, Share: 0.2, Typical: 12345 * time.Microsecond,
			},
			{
				Address: "10.244.1.12:50051", Name: "<third>", State: balance.Ejected, Reason: "5 of its last 10 calls failed", Since: ago(4 * time.Second),
				Calls: 999, Failed: 5, Rate: 4.04, Share: 0.08, Typical: 1234 * time.Millisecond,
				LastError: "DeadlineExceeded", LastErrorAt: ago(4500 * time.Millisecond),
			},
			{Address: "10.244.1.13:50051", State: balance.Connecting, Since: ago(-time.Second)},
			{Address: "10.244.1.14:50051", Name: "fifth", State: balance.NotServing, Since: ago(59 * time.Second), Calls: 12, Typical: 123 * time.Microsecond},
			{Address: "10.244.1.15:50051", Name: "sixth", State: balance.Gone, Since: ago(30 * time.Second), Calls: 7},
		},
	}
}

// shop returns a shop that has no catalogue yet, but serves this page.
func shop(t *testing.T, source Source) http.Handler {
	t.Helper()
	extras := Extras(Config{Source: source, Shop: "shop-1", Now: now})
	tokens, err := apitoken.NewGate(apitoken.Config{Token: "token"})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := web.New(web.Config{
		Face:    storefront.Default(),
		Catalog: catalog.New(), Recommender: struct{ shelf.Recommender }{}, CookieKeys: signed.Keys{make([]byte, 32)}, API: tokens, Extras: extras,
		Registry: prometheus.NewRegistry(), TracerProvider: noop.NewTracerProvider(), Propagator: propagation.TraceContext{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// get requests url and checks that the answer has the given status, sets no cookie and
// is not cached.
func get(t *testing.T, handler http.Handler, url string, status int, headers ...string) string {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, r)
	if rec.Code != status || rec.Header().Get("Cache-Control") != "no-store" || rec.Header().Get("Set-Cookie") != "" {
		t.Errorf("%s: %d %v\n%s", url, rec.Code, rec.Header(), rec.Body)
	}
	return rec.Body.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("differs from %s (make golden updates it):\n%s", file, diff)
	}
}

func TestThePageShowsEveryState(t *testing.T) {
	page := get(t, shop(t, allStates()), "/balance", http.StatusOK)
	_, main, _ := strings.Cut(page, `<main id="main" class="wrap" tabindex="-1">`)
	main, _, found := strings.Cut(main, "</main>")
	if !found {
		t.Fatalf("no main part:\n%s", page)
	}
	golden(t, "page.html", strings.ReplaceAll(main, "><", ">\n<")+"\n")
	for _, want := range []string{
		"<title>Balance · Bookstall</title>",
		`<noscript><meta http-equiv="refresh" content="3"></noscript>`,
		`<li><a href="/balance">Balance</a></li>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, never := range []string{"<third>", "<10.96.0.10>", "10.96.0.10/", "style=", "<script>"} {
		if strings.Contains(page, never) {
			t.Errorf("the page has %s", never)
		}
	}
}

// The script replaces this part of the page with what it polls.
func TestTheTableIsAPartOfThePage(t *testing.T) {
	handler := shop(t, allStates())
	part := get(t, handler, "/balance/table", http.StatusOK)
	if page := get(t, handler, "/balance", http.StatusOK); !strings.HasPrefix(part, "<section") || !strings.Contains(page, part) {
		t.Errorf("the page lacks its part:\n%s", part)
	}
}

func TestAPausedPageDoesNotUpdate(t *testing.T) {
	page := get(t, shop(t, allStates()), "/balance?live=no", http.StatusOK)
	if strings.Contains(page, "data-poll") || strings.Contains(page, "http-equiv") || !strings.Contains(page, `<a href="/balance">Resume</a>`) {
		t.Errorf("the page:\n%s", page)
	}
}

func TestBelowAPath(t *testing.T) {
	extras := Extras(Config{Source: allStates(), Now: now, Root: "/shop"})
	for address, want := range map[string]string{
		"/balance": `data-poll="/shop/balance/table"`, "/balance?live=yes": `href="/shop/balance?live=no"`, "/balance?live=no": `href="/shop/balance"`,
	} {
		answer, err := extras[0].Answer(httptest.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody))
		if err != nil {
			t.Fatal(err)
		}
		var page strings.Builder
		if err := answer.Main.Render(t.Context(), &page); err != nil || !strings.Contains(page.String(), want) {
			t.Errorf("%s: %v, the page lacks %s:\n%s", address, err, want, page.String())
		}
	}
}

func TestBeforeDNSAnswers(t *testing.T) {
	source := fixed{Target: "dns:///recommendations:50051", ListAge: -1, Window: 10 * time.Second}
	page := get(t, shop(t, source), "/balance", http.StatusOK)
	for _, want := range []string{"<dd>0 of 0</dd>", "<dd>not yet</dd>", `<dd class="name">recommendations:50051</dd>`, "There are no replicas"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s:\n%s", want, page)
		}
	}
	answer := get(t, shop(t, source), "/api/v1/balance", http.StatusOK, "Authorization", "Bearer token")
	want := `{"shop":"shop-1","target":"recommendations:50051","dns":{"age_seconds":null},"window_seconds":10,"replicas":[]}` + "\n"
	if answer != want {
		t.Errorf("the answer is %s", answer)
	}
}

func TestTheJSON(t *testing.T) {
	handler := shop(t, allStates())
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(get(t, handler, "/api/v1/balance", http.StatusOK, "Authorization", "Bearer token")), "", "  "); err != nil {
		t.Fatal(err)
	}
	golden(t, "answer.json", out.String())
	get(t, handler, "/api/v1/balance", http.StatusUnauthorized) // the API token guards it too
}

// The API refuses parameters that it does not know, and pages ignore them.
func TestUnknownParameters(t *testing.T) {
	handler := shop(t, allStates())
	for url, want := range map[string]string{
		"/balance?live=maybe":      "<h1>Balance</h1>",
		"/balance?utm=1&live=no":   "<h1>Balance</h1>",
		"/balance?live=%&speed=;1": "<h1>Balance</h1>",
		"/balance/table?live=%":    "",
		"/api/v1/balance?x=1":      `{"field":"x","reason":"is not known here;`,
	} {
		status := http.StatusOK
		if strings.HasPrefix(url, "/api/") {
			status = http.StatusBadRequest
		}
		if page := get(t, handler, url, status, "Authorization", "Bearer token"); !strings.Contains(page, want) {
			t.Errorf("%s: the answer lacks %s:\n%s", url, want, page)
		}
	}
}

func TestAges(t *testing.T) {
	for d, want := range map[time.Duration][2]string{
		-time.Second:            {"0 s", "0.0 s"},
		1290 * time.Millisecond: {"1 s", "1.2 s"},
		10 * time.Second:        {"10 s", "10 s"},
		time.Minute - 1:         {"59 s", "59 s"},
		time.Hour - 1:           {"59 min", "59 min"},
		48*time.Hour - 1:        {"47 h", "47 h"},
		48 * time.Hour:          {"2 days", "2 days"},
	} {
		if got := [2]string{age(d), tenths(d)}; got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

// An even share has the same position in all bars, so that they are comparable.
func TestBars(t *testing.T) {
	serving := func(shares ...float64) fixed {
		b := fixed{}
		for _, share := range shares {
			b.Replicas = append(b.Replicas, balance.Replica{State: balance.Serving, Share: share})
		}
		return b
	}
	for _, test := range []struct {
		source fixed
		want   []bar
	}{
		{serving(1), []bar{{100, 0}}},
		{serving(0.5, 0.5), []bar{{50, 50}, {50, 50}}},
		{serving(0.25, 0.25, 0.25, 0.25), []bar{{50, 50}, {50, 50}, {50, 50}, {50, 50}}},
		{serving(1, 0, 0, 0), []bar{{100, 25}, {0, 25}, {0, 25}, {0, 25}}},
		{fixed{Replicas: []balance.Replica{{State: balance.Ejected, Share: 1}}}, []bar{{100, 0}}},
	} {
		var got []bar
		for _, r := range newBoard(test.source.Balance(), "", "", now(), true).Rows {
			got = append(got, r.Bar)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%v:\n%s", test.source.Replicas, diff)
		}
	}
}
