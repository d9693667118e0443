package signals

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// dashboard is one for Grafana.
type dashboard struct {
	name, title string
	panels      []panel
}

// panel is one of its panels: a chart, or a table of the present.
type panel struct {
	title, about, unit string
	table              bool
	queries            [][2]string // query and legend
}

const folder = root + "/helm/bookstall/dashboards"

// selector stands in the queries below for the series of the releases that are chosen. A
// Prometheus whose series have no label service has them all.
const selector = `namespace=~"$namespace", service=~"($release)(-(marketplace|recommendations)-metrics)?"`

// q returns a query with the selector in place of SEL, and the window in place of [W].
func q(expr, legend string) [2]string {
	return [2]string{strings.NewReplacer("SEL", selector, "[W]", "[$__rate_interval]").Replace(expr), legend}
}

// per returns the rate of a counter by some labels.
func per(by, metric, legend string) [2]string {
	return q("sum by ("+by+") (rate("+metric+"{SEL}[W]))", legend)
}

// quantile returns a quantile of a histogram by some labels; also selects further.
func quantile(which, by, metric, also, legend string) [2]string {
	if by != "" {
		by = ", " + by
	}
	return q("histogram_quantile("+which+", sum by (le"+by+") (rate("+metric+"_bucket{SEL"+also+"}[W])))", legend)
}

// ofProcess returns the panels of what the processes of a job use.
func ofProcess(job string) []panel {
	sel := `{SEL, job="` + job + `"}`
	return []panel{
		{title: "Memory", about: "Resident memory of each pod, and its limit.", unit: "bytes", queries: [][2]string{
			q("process_resident_memory_bytes"+sel, "{{pod}}"), q("max(go_gc_gomemlimit_bytes"+sel+" < 1e15)", "limit"),
		}},
		{title: "CPU", about: "Cores that each pod uses.", unit: "short", queries: [][2]string{q("rate(process_cpu_seconds_total"+sel+"[W])", "{{pod}}")}},
		{title: "Starts", about: "When each pod started. A step is a restart.", unit: "dateTimeAsIso", queries: [][2]string{q("process_start_time_seconds"+sel+" * 1000", "{{pod}}")}},
	}
}

func dashboards() []dashboard {
	const notLive = `, route!="/shelf/events"`
	return []dashboard{
		{"shop", "Bookstall: shop", append([]panel{
			{title: "Requests", about: "Requests a second, by route.", unit: "reqps", queries: [][2]string{per("route", "http_server_request_duration_seconds_count", "{{route}}")}},
			{title: "Requests that fail", about: "Share of requests that are answered with 5xx, by route.", unit: "percentunit", queries: [][2]string{
				q(`sum by (route) (rate(http_server_request_duration_seconds_count{SEL, status="5xx"}[W])) / sum by (route) (rate(http_server_request_duration_seconds_count{SEL}[W]))`, "{{route}}"),
			}},
			{title: "Time to answer", about: "Without live shelves, which are open for long.", unit: "s", queries: [][2]string{
				quantile("0.5", "", "http_server_request_duration_seconds", notLive, "median"),
				quantile("0.9", "", "http_server_request_duration_seconds", notLive, "90 %"),
				quantile("0.99", "", "http_server_request_duration_seconds", notLive, "99 %"),
			}},
			{title: "Time to answer by route", about: "99 % take at most this.", unit: "s", queries: [][2]string{
				quantile("0.99", "route", "http_server_request_duration_seconds", notLive, "{{route}}"),
			}},
			{title: "Shelves", about: "Shelves shown a second, by source.", unit: "ops", queries: [][2]string{per("source", "web_shelves_total", "{{source}}")}},
			{title: "Fallbacks", about: "Shelves a second that are bestsellers because recommendations did not answer, by reason.", unit: "ops", queries: [][2]string{per("reason", "recommend_fallbacks_total", "{{reason}}")}},
			{title: "Missed deadlines", about: "Calls a second that recommendations did not answer in time.", unit: "ops", queries: [][2]string{
				q(`sum by (grpc_method) (rate(grpc_client_call_duration_seconds_count{SEL, grpc_status="DEADLINE_EXCEEDED"}[W]))`, "{{grpc_method}}"),
			}},
			{title: "Interactions", about: "Likes, ratings, purchases and their like a second, by what became of them.", unit: "ops", queries: [][2]string{per("kind, result", "recommend_interactions_total", "{{kind}}, {{result}}")}},
			{title: "Live shelves", about: "Browsers that wait for changes, by pod.", unit: "short", queries: [][2]string{
				q("web_live_streams{SEL}", "{{pod}}"), q("sum(rate(web_live_shelves_total{SEL}[W]))", "shelves sent a second"), q("sum(rate(web_live_refused_total{SEL}[W]))", "refused a second"),
			}},
			{title: "Saturation", about: "Requests in progress and their limit, and open connections, by pod.", unit: "short", queries: [][2]string{
				q("http_server_requests_in_flight{SEL}", "{{pod}} requests"), q("max(http_server_requests_limit{SEL})", "limit of requests"), q("http_server_connections_open{SEL}", "{{pod}} connections"),
			}},
			{title: "Refused", about: "Requests a second that are refused: because of load, or because their sender does too much.", unit: "ops", queries: [][2]string{
				per("by", "http_server_shed_total", "load of {{by}}"), per("by, kind", "http_server_limited_total", "limit by {{by}}: {{kind}}"),
				per("reason", "http_server_connections_cut_total", "connections: {{reason}}"), per("by", "http_server_reader_header_refused_total", "reader header of {{by}}"),
			}},
			{title: "Catalogue", about: "Books of each pod; refreshes a second by result.", unit: "short", queries: [][2]string{
				q("catalog_books{SEL}", "{{pod}} books"), q("catalog_current{SEL}", "{{pod}} is current"), per("result", "catalog_refreshes_total", "refreshes: {{result}}"),
			}},
			{title: "Panics", about: "Handlers that panicked, a second.", unit: "ops", queries: [][2]string{per("pod", "http_server_panics_total", "{{pod}}")}},
		}, ofProcess("marketplace")...)},
		{"balance", "Bookstall: balance", []panel{
			{title: "Share per replica", about: "Share of the calls of all pods of the shop, by replica.", unit: "percentunit", queries: [][2]string{
				q("sum by (replica) (rate(discovery_replica_calls_total{SEL}[W])) / scalar(sum(rate(discovery_replica_calls_total{SEL}[W])))", "{{replica}}"),
			}},
			{title: "Skew", about: "The busiest replica's shelves a second, divided by the mean. 1 is even.", unit: "short", queries: [][2]string{
				q("max(sum by (pod) (rate(recommendations_shelves_total{SEL}[W]))) / avg(sum by (pod) (rate(recommendations_shelves_total{SEL}[W])))", "busiest / mean"),
			}},
			{title: "Replicas by state", about: "As a pod of the shop sees them, on average.", unit: "short", queries: [][2]string{q("avg by (state) (discovery_replicas{SEL})", "{{state}}")}},
			{title: "Who is out, and why", about: "Replicas that receive no calls of a pod, now.", table: true, queries: [][2]string{q(`discovery_replica_state{SEL, state!="serving"}`, "")}},
			{title: "Endpoints", about: "Replicas in the list that are not out, that receive calls, and that are ejected, by pod.", unit: "short", queries: [][2]string{
				q("discovery_endpoints{SEL}", "{{pod}} listed"), q("discovery_serving_endpoints{SEL}", "{{pod}} serving"), q("discovery_ejected_endpoints{SEL}", "{{pod}} ejected"),
			}},
			{title: "Age of the list", about: "Time since DNS last returned addresses, by pod.", unit: "s", queries: [][2]string{q("discovery_list_age_seconds{SEL}", "{{pod}}")}},
			{title: "Lookups", about: "DNS lookups a second, by result, and empty answers after which the list stayed.", unit: "ops", queries: [][2]string{
				per("result", "discovery_lookups_total", "{{result}}"), q("sum(rate(discovery_empty_answers_ignored_total{SEL}[W]))", "empty, ignored"),
			}},
			{title: "Ejections", about: "Ejections and readmissions a second.", unit: "ops", queries: [][2]string{
				per("reason", "discovery_ejections_total", "ejected: {{reason}}"), q("sum(rate(discovery_readmissions_total{SEL}[W]))", "readmitted"),
			}},
			{title: "Suspicions", about: "Replicas that were probed after one bad call, a second, by result.", unit: "ops", queries: [][2]string{per("result", "discovery_suspicions_total", "{{result}}")}},
			{title: "Calls that run", about: "By replica, live shelves included.", unit: "short", queries: [][2]string{q("sum by (replica) (discovery_replica_calls_running{SEL})", "{{replica}}")}},
			{title: "Calls that fail", about: "Calls a second that failed through their replica's fault.", unit: "ops", queries: [][2]string{per("replica", "discovery_replica_failed_calls_total", "{{replica}}")}},
			{title: "Time to the first call", about: "From when DNS listed a replica until its first call ended, by replica and pod of the shop.", unit: "s", queries: [][2]string{
				q("discovery_replica_first_call_seconds{SEL}", "{{replica}} from {{pod}}"),
			}},
			{title: "Retries", about: "Attempts beyond the first, as a share of the calls.", unit: "percentunit", queries: [][2]string{
				q("sum(rate(grpc_client_attempt_started_total{SEL}[W])) / sum(rate(grpc_client_call_duration_seconds_count{SEL}[W])) - 1", "retries"),
			}},
			{title: "Calls by result", about: "Calls of the shop a second, by status.", unit: "ops", queries: [][2]string{per("grpc_status", "grpc_client_call_duration_seconds_count", "{{grpc_status}}")}},
			{title: "Time of calls, at both ends", about: "99 % take at most this. What the shop waits longer than a replica works is network, queues and retries.", unit: "s", queries: [][2]string{
				quantile("0.99", "grpc_method", "grpc_client_call_duration_seconds", "", "shop: {{grpc_method}}"),
				quantile("0.99", "grpc_method", "grpc_server_call_duration_seconds", "", "replicas: {{grpc_method}}"),
			}},
			{title: "Failed handshakes", about: "Connections a second that failed, with mutual TLS, by reason.", unit: "ops", queries: [][2]string{
				per("reason", "rpc_client_handshakes_failed_total", "shop: {{reason}}"), per("reason", "rpc_server_handshakes_failed_total", "replicas: {{reason}}"),
			}},
			{title: "Certificates", about: "Time until the first of them expires, with mutual TLS.", unit: "s", queries: [][2]string{q("min by (certificate) (rpc_certificate_not_after_seconds{SEL}) - time()", "{{certificate}}")}},
		}},
		{"recommender", "Bookstall: recommender", append([]panel{
			{title: "Shelves", about: "Shelves sent a second, by source.", unit: "ops", queries: [][2]string{
				per("source", "recommendations_shelves_total", "{{source}}"), q("sum(rate(recommendations_followed_shelves_total{SEL}[W]))", "live"),
			}},
			{title: "Time to score", about: "99 % of the shelves take at most this, and half of them.", unit: "s", queries: [][2]string{
				quantile("0.99", "source", "recommendations_score_duration_seconds", "", "{{source}}, 99 %"), quantile("0.5", "source", "recommendations_score_duration_seconds", "", "{{source}}, median"),
			}},
			{title: "Bestsellers", about: "Share of bestsellers in what shelves show.", unit: "percentunit", queries: [][2]string{
				q(`sum(rate(recommendations_shown_books_total{SEL, bestseller="true"}[W])) / sum(rate(recommendations_shown_books_total{SEL}[W]))`, "bestsellers"),
			}},
			{title: "Coverage", about: "Share of the catalogue that each replica has put on a shelf since it has this catalogue.", unit: "percentunit", queries: [][2]string{q("recommendations_shown_coverage_ratio{SEL}", "{{pod}}")}},
			{title: "Models in use", about: "Number of replicas by model. In a change there are two for a moment.", unit: "short", queries: [][2]string{q("count by (model) (recommendations_model_info{SEL})", "{{model}}")}},
			{title: "Age of the model", about: "Time since it was trained.", unit: "s", queries: [][2]string{q("time() - max(recommendations_model_created_timestamp_seconds{SEL} > 0)", "age")}},
			{title: "Quality of the model", about: "On held-out readers, when it was trained (docs/recommender.md).", unit: "short", queries: [][2]string{q("max by (measure) (recommendations_model_quality_ratio{SEL})", "{{measure}}")}},
			{title: "Models refused", about: "Active models that replicas refused, a second.", unit: "ops", queries: [][2]string{per("pod", "recommendations_models_refused_total", "{{pod}}")}},
			{title: "Readers", about: "Readers in memory, and open live shelves, by replica.", unit: "short", queries: [][2]string{q("recommendations_readers{SEL}", "{{pod}} readers"), q("recommendations_followers{SEL}", "{{pod}} live shelves")}},
			{title: "Calls", about: "Calls a second at the replicas, by method and status.", unit: "ops", queries: [][2]string{per("grpc_method, grpc_status", "grpc_server_call_duration_seconds_count", "{{grpc_method}} {{grpc_status}}")}},
			{title: "Saturation", about: "Calls that run and wait, as a share of those that may run, by kind.", unit: "percentunit", queries: [][2]string{
				q("sum by (kind) (rpc_server_calls_running{SEL}) / sum by (kind) (rpc_server_calls_limit{SEL})", "{{kind}} run"),
				q("sum by (kind) (rpc_server_calls_waiting{SEL}) / sum by (kind) (rpc_server_calls_limit{SEL})", "{{kind}} wait"),
			}},
			{title: "Refused", about: "Calls a second that did not run, that stalled, or that their client may not make, and connections that were cut.", unit: "ops", queries: [][2]string{
				per("kind, reason", "rpc_server_shed_total", "{{kind}}: {{reason}}"), per("reason", "rpc_server_stalled_total", "stalled: {{reason}}"),
				per("reason", "rpc_server_calls_denied_total", "denied: {{reason}}"), per("reason", "rpc_server_connections_cut_total", "connections: {{reason}}"),
			}},
			{title: "Connections", about: "Open connections of clients, and new ones a second, by replica.", unit: "short", queries: [][2]string{
				q("rpc_server_connections_open{SEL}", "{{pod}}"), per("pod", "rpc_server_connections_total", "{{pod}} new"),
			}},
			{title: "Panics", about: "Calls that panicked, a second.", unit: "ops", queries: [][2]string{per("pod", "rpc_server_panics_total", "{{pod}}")}},
		}, ofProcess("recommendations")...)},
		{"store", "Bookstall: store", []panel{
			{title: "Time of operations", about: "99 % take at most this.", unit: "s", queries: [][2]string{quantile("0.99", "operation", "recommendations_store_duration_seconds", "", "{{operation}}")}},
			{title: "Operations", about: "Operations a second.", unit: "ops", queries: [][2]string{per("operation", "recommendations_store_duration_seconds_count", "{{operation}}")}},
			{title: "Errors", about: "Calls of the store that failed, a second, by cause.", unit: "ops", queries: [][2]string{per("cause", "recommendations_store_errors_total", "{{cause}}")}},
			{title: "Stale", about: "How long each replica has not reached the store.", unit: "s", queries: [][2]string{q("recommendations_store_stale_seconds{SEL}", "{{pod}}")}},
			{title: "Lag", about: "Changes of the store that a replica does not have yet, and another has.", unit: "short", queries: [][2]string{
				q("scalar(max(recommendations_store_seq{SEL})) - recommendations_store_seq{SEL}", "{{pod}}"),
			}},
			{title: "Writes", about: "Interactions a second, by outcome.", unit: "ops", queries: [][2]string{per("outcome", "recommendations_interactions_total", "{{outcome}}")}},
			{title: "Catching up", about: "Readers a second who were read from the store because a replica did not have their last write yet.", unit: "ops", queries: [][2]string{per("outcome", "recommendations_catch_ups_total", "{{outcome}}")}},
			{title: "Lost commits", about: "Times that everything was loaded again because the store had lost commits, a second.", unit: "ops", queries: [][2]string{per("pod", "recommendations_store_cuts_total", "{{pod}}")}},
		}},
		{"objectives", "Bookstall: objectives", []panel{
			objective("Requests that fail", "99.9 % of the requests are answered without a 5xx.", "requests_failed"),
			objective("Requests that are slow", "99 % of the requests take at most half a second.", "requests_slow"),
			objective("Shelves that fall back", "99 % of the shelves come from recommendations.", "shelves_fallen_back"),
			{title: "Budget", about: "How many times faster than the objective allows the budget of 30 days is used, over an hour. From 14.4 an alert fires at once.", unit: "short", queries: [][2]string{
				q("bookstall:requests_failed:ratio_rate1h{SEL} / 0.001", "requests that fail"), q("bookstall:requests_slow:ratio_rate1h{SEL} / 0.01", "requests that are slow"),
				q("bookstall:shelves_fallen_back:ratio_rate1h{SEL} / 0.01", "shelves that fall back"),
			}},
			{title: "Alerts that fire", about: "Now; docs/alerts.md says what to do.", table: true, queries: [][2]string{q(`ALERTS{namespace=~"$namespace", alertname=~"Bookstall.+", alertstate="firing"}`, "")}},
			{title: "Telemetry lost", about: "Spans and log lines a second that nobody received, and spans that somebody did.", unit: "ops", queries: [][2]string{
				per("pod", "telemetry_spans_lost_total", "{{pod}} spans lost"), per("pod", "log_lines_dropped_total", "{{pod}} lines lost"), per("pod", "telemetry_spans_exported_total", "{{pod}} spans exported"),
			}},
			{title: "Versions", about: "Programs by what they were built from.", unit: "short", queries: [][2]string{q("count by (job, version, revision) (bookstall_build_info{SEL})", "{{job}} {{version}} {{revision}}")}},
		}},
	}
}

func objective(title, about, name string) panel {
	p := panel{title: title, about: "Objective: " + about + " Needs the chart's rules (docs/alerts.md).", unit: "percentunit"}
	for _, window := range []string{"5m", "30m", "1h", "6h"} {
		p.queries = append(p.queries, q("bookstall:"+name+":ratio_rate"+window+"{SEL}", window))
	}
	return p
}

// object is JSON.
type object map[string]any

// grafana returns the dashboard in the form of Grafana 10.
func (d dashboard) grafana() object {
	source := object{"type": "prometheus", "uid": "${datasource}"}
	variable := func(name, label, query, regex string) object {
		return object{
			"name": name, "label": label, "type": "query", "datasource": source, "query": object{"query": query, "refId": name}, "definition": query, "regex": regex,
			"refresh": 2, "sort": 1, "multi": true, "includeAll": true, "allValue": ".*", "current": object{"text": "All", "value": "$__all"},
		}
	}
	var panels []object
	for i, p := range d.panels {
		var targets []object
		for k, one := range p.queries {
			target := object{"refId": string(rune('A' + k)), "datasource": source, "expr": one[0], "legendFormat": one[1], "range": !p.table, "instant": p.table}
			if p.table {
				target["format"] = "table"
			}
			targets = append(targets, target)
		}
		next := object{
			"id": i + 1, "type": "timeseries", "title": p.title, "description": p.about, "datasource": source, "targets": targets,
			"gridPos":     object{"x": i % 2 * 12, "y": i / 2 * 8, "w": 12, "h": 8},
			"fieldConfig": object{"defaults": object{"unit": p.unit, "custom": object{"fillOpacity": 10, "showPoints": "never"}}, "overrides": []any{}},
			"options":     object{"legend": object{"displayMode": "table", "placement": "right", "calcs": []string{"lastNotNull", "max"}}, "tooltip": object{"mode": "multi", "sort": "desc"}},
		}
		if p.table {
			next["type"] = "table"
			next["fieldConfig"] = object{"defaults": object{}, "overrides": []any{}}
			next["options"] = object{"showHeader": true}
			next["transformations"] = []object{{"id": "organize", "options": object{"excludeByName": object{"Time": true, "Value": true, "__name__": true, "endpoint": true, "container": true, "instance": true}}}}
		}
		panels = append(panels, next)
	}
	return object{
		"uid": "bookstall-" + d.name, "title": d.title, "tags": []string{"bookstall"}, "schemaVersion": 38, "editable": true,
		"time": object{"from": "now-1h", "to": "now"}, "refresh": "30s", "timezone": "", "panels": panels,
		"templating": object{"list": []object{
			{"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "current": object{}},
			variable("namespace", "Namespace", "label_values(catalog_books, namespace)", ""),
			variable("release", "Release", `label_values(catalog_books{namespace=~"$namespace"}, service)`, "/(.*)-marketplace-metrics/"),
		}},
	}
}

// The dashboards of the chart are those above.
func TestDashboards(t *testing.T) {
	want := map[string]bool{}
	for _, d := range dashboards() {
		path := filepath.Join(folder, d.name+".json")
		want[filepath.Base(path)] = true
		var text bytes.Buffer
		enc := json.NewEncoder(&text)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", " ")
		if err := enc.Encode(d.grafana()); err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(path, text.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, text.Bytes()) {
			t.Errorf("%s is not what make golden writes (%v)", path, err)
		}
	}
	golden(t, root+"/docs/dashboards.md", panelsTable())
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !want[e.Name()] {
			t.Errorf("%s is no dashboard of this test", e.Name())
		}
	}
}

// panelsTable returns the generated part of docs/dashboards.md.
func panelsTable() string {
	var b strings.Builder
	for _, d := range dashboards() {
		fmt.Fprintf(&b, "## %s\n\n![%[1]s](dashboards/%s.svg)\n\n| panel | what it shows |\n|---|---|\n", d.title, d.name)
		for _, p := range d.panels {
			fmt.Fprintf(&b, "| %s | %s |\n", p.title, p.about)
		}
		b.WriteString("\n")
	}
	return b.String()
}
