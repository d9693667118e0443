package repo

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

// Imports that are forbidden together: gRPC and its messages, HTTP, and telemetry.
var (
	wire        = []string{"google.golang.org/grpc", "google.golang.org/protobuf", "bookstall/gen"}
	web         = []string{"net/http"}
	instruments = []string{"github.com/prometheus", "go.opentelemetry.io", "bookstall/internal/telemetry"}
)

func plain(more ...string) []string { return slices.Concat(wire, web, instruments, more) }

// forbidden returns, for a package or a folder of packages, the packages and folders
// of packages that it must not import.
func forbidden() map[string][]string {
	return map[string][]string{
		"balance":                          {"bookstall", "google.golang.org/protobuf", "net/http"},
		"internal":                         {"bookstall/marketplace", "bookstall/recommendations"},
		"internal/lifecycle":               plain("bookstall"),
		"internal/config":                  plain("bookstall"),
		"internal/listen":                  plain("bookstall"),
		"internal/dnsserver":               plain("bookstall"),
		"internal/telemetry":               {"bookstall", "net/http"},
		"internal/admin":                   wire,
		"internal/atomicfile":              plain("bookstall"),
		"internal/spreadsheet":             plain("bookstall"),
		"internal/httpserver":              slices.Concat(wire, instruments, []string{"bookstall"}),
		"internal/fault":                   slices.Concat(wire, instruments),
		"internal/lab/load":                slices.Concat(wire, instruments, []string{"bookstall"}),
		"internal/rpc":                     {"bookstall/gen", "net/http"},
		"deploy/local":                     {"bookstall/gen", "bookstall/marketplace", "bookstall/recommendations"},
		"marketplace/internal/signed":      slices.Concat(wire, instruments, []string{"bookstall"}),
		"marketplace/internal/edge":        slices.Concat(wire, instruments, []string{"bookstall"}),
		"marketplace/internal/apitoken":    plain("bookstall"),
		"marketplace/internal/limit":       plain("bookstall"),
		"marketplace/internal/storefront":  plain("bookstall"),
		"marketplace/internal/web":         wire,
		"marketplace/internal/web/api":     {"bookstall/marketplace/internal/web/page", "bookstall/marketplace/internal/web/live"},
		"marketplace/internal/web/page":    {"bookstall/marketplace/internal/web/api", "bookstall/marketplace/internal/web/live"},
		"marketplace/internal/web/problem": slices.Concat(instruments, []string{"bookstall/marketplace/internal/web"}),
		"marketplace/internal/web/reply":   slices.Concat(instruments, []string{"bookstall"}),
		"marketplace/internal/web/request": instruments,
		"marketplace/internal/web/cover":   plain("bookstall"),
		"marketplace/internal/coverdir":    slices.Concat(wire, web, []string{"bookstall/marketplace/internal/web"}),

		"marketplace/internal/catalog":         plain("bookstall"),
		"marketplace/internal/libraryfile":     plain("bookstall/marketplace"),
		"marketplace/internal/recommend":       {"net/http", "bookstall/marketplace/internal/web"},
		"recommendations/internal/command":     slices.Concat(wire, web, []string{"github.com/prometheus", "go.opentelemetry.io"}),
		"recommendations/internal/domain":      plain("bookstall"),
		"recommendations/internal/engine":      plain("bookstall"),
		"recommendations/internal/evaluate":    plain(),
		"recommendations/internal/bookcsv":     plain(),
		"recommendations/internal/sample":      plain(),
		"recommendations/internal/goodbooks":   plain(),
		"recommendations/internal/replication": slices.Concat(wire, web),
		"recommendations/internal/models":      plain("bookstall/recommendations/internal/store"),
		"recommendations/internal/recommender": plain("bookstall/recommendations/internal/store"),
		"recommendations/internal/store":       plain(),
		"recommendations/internal/transfer":    plain(),
		"recommendations/internal/report":      plain(),
		"recommendations/internal/server":      {"net/http", "bookstall/recommendations/internal/store"},
		"recommendations/internal/tutorial":    {"bookstall/gen/recommendations"},
		"marketplace/internal/balancepage":     {"google.golang.org/grpc", "google.golang.org/protobuf", "bookstall/gen", "bookstall/marketplace/internal/catalog", "bookstall/marketplace/internal/recommend"},
		"marketplace/internal/tutorial":        {"bookstall/gen/recommendations", "bookstall/marketplace/internal/catalog", "bookstall/marketplace/internal/recommend"},
	}
}

// onlyFrom returns, for a package or a folder of packages, the only ones that may
// import it. Tests may import anything.
func onlyFrom() map[string][]string {
	return map[string][]string{
		"bookstall/gen/recommendations/v1": {"marketplace/internal/recommend", "recommendations/internal/server", "internal/lab/bench"},
		"bookstall/gen/tutorial":           {"marketplace/internal/tutorial", "recommendations/internal/tutorial"},
		"bookstall/internal/config":        {"marketplace", "recommendations", "deploy/certs", "internal/lab"},
		"bookstall/internal/fault":         {"internal/rpc", "marketplace", "recommendations"},
		"bookstall/internal/dnsserver":     {"deploy/local", "internal/lab", "internal/test/conformance", "tools/conformance"},
		"bookstall/internal/lab":           {"internal/lab", "internal/test", "deploy/load", "marketplace/internal/tutorial/bench", "tools/conformance"},
		"bookstall/internal/otlpsink":      {"internal/test", "internal/lab/bench", "deploy/otlpsink", "deploy/local"},
		"bookstall/internal/test":          {"internal/test", "tools/conformance"},
	}
}

func within(name, folder string) bool {
	return name == folder || strings.HasPrefix(name, folder+"/")
}

func TestImports(t *testing.T) {
	rules, doors := forbidden(), onlyFrom()
	seen := map[string]bool{}
	for _, s := range sources(t) {
		for folder := range rules {
			if within(s.pkg(), folder) {
				seen[folder] = true
			}
		}
		if s.isTest() {
			continue
		}
		for _, imp := range s.imports() {
			if imp == "bookstall/internal/atomicfile" {
				continue // like a package of the standard library
			}
			for folder, banned := range rules {
				own := "bookstall/" + folder
				for _, b := range banned {
					if within(s.pkg(), folder) && within(imp, b) && !within(imp, own) {
						t.Errorf("%s imports %s, which %s must not", s.path, imp, folder)
					}
				}
			}
			for door, allowed := range doors {
				if within(imp, door) && !slices.ContainsFunc(allowed, func(a string) bool { return within(s.pkg(), a) }) {
					t.Errorf("%s imports %s, which only %v may", s.path, imp, allowed)
				}
			}
		}
	}
	for folder := range rules {
		if !seen[folder] {
			t.Errorf("the rules name %s, which does not exist", folder)
		}
	}
}

// TestDirectModules makes a new dependency a decision: whoever needs it adds it to
// the list.
func TestDirectModules(t *testing.T) {
	allowed := []string{
		"github.com/a-h/templ",     // pages
		"github.com/yuin/goldmark", // pages of the owner in Markdown
		"github.com/alecthomas/kong",
		"github.com/cenkalti/backoff/v5",
		"github.com/chromedp/cdproto",  // browser test
		"github.com/chromedp/chromedp", // browser test
		"github.com/go-logr/logr",
		"github.com/go-logr/zapr",
		"github.com/google/go-cmp", // tests
		"github.com/hashicorp/golang-lru/v2",
		"github.com/jackc/pgx/v5",
		"github.com/klauspost/compress",
		"github.com/miekg/dns", // local runner and tests
		"github.com/pressly/goose/v3",
		"github.com/prometheus/client_golang",
		"github.com/prometheus/common",             // tests read metrics with it
		"github.com/santhosh-tekuri/jsonschema/v6", // tests of the OpenAPI description
		"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc",
		"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp",
		"go.opentelemetry.io/contrib/propagators/autoprop",
		"go.opentelemetry.io/otel",
		"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc",
		"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp",
		"go.opentelemetry.io/otel/exporters/prometheus",
		"go.opentelemetry.io/otel/metric",
		"go.opentelemetry.io/otel/sdk",
		"go.opentelemetry.io/otel/sdk/metric",
		"go.opentelemetry.io/otel/trace",
		"go.opentelemetry.io/proto/otlp", // tests receive traces with it
		"go.uber.org/goleak",             // tests
		"go.uber.org/zap",
		"go.yaml.in/yaml/v3", // tests of the OpenAPI description
		"golang.org/x/image",
		"golang.org/x/mod", // tests
		"golang.org/x/net", // the laboratory attacks with its frames of HTTP/2
		"golang.org/x/sync",
		"golang.org/x/text",
		"golang.org/x/time",
		"google.golang.org/genproto/googleapis/rpc",
		"google.golang.org/grpc",
		"google.golang.org/protobuf",
		"modernc.org/sqlite",
	}
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range mod.Require {
		if !r.Indirect && !slices.Contains(allowed, r.Mod.Path) {
			t.Errorf("go.mod requires %s, which is not on the list", r.Mod.Path)
		}
	}
	if len(mod.Replace) > 0 {
		t.Errorf("go.mod replaces %v; `go install` of this module would fail", mod.Replace[0].Old)
	}
}
