package signals

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bookstall/internal/lab/fleet"
)

// prometheus is a real Prometheus that scrapes a fleet, and has the chart's rules.
type prometheus struct {
	url   string
	began time.Time
}

const (
	scrapeInterval = 500 * time.Millisecond
	window         = 4 * time.Second // in place of Grafana's $__rate_interval
)

// scrape starts a Prometheus until the end of the test. Each process has the labels that the
// operator gives to pods of the chart.
func scrape(t *testing.T, r *rig) *prometheus {
	t.Helper()
	program, err := filepath.Abs(root + "/.tools/bin/prometheus")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		t.Skip("SKIP (counted): no .tools/bin/prometheus: make .tools/bin/prometheus")
	}
	dir := t.TempDir()
	rules, err := os.ReadFile(root + "/helm/bookstall/rules/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	every := fmt.Sprintf("interval: %dms", scrapeInterval.Milliseconds())
	scaled := strings.ReplaceAll(string(rules), "interval: 30s", every)
	config := fmt.Sprintf("global: {scrape_%s, evaluation_%[1]s, scrape_timeout: 400ms}\nrule_files: [rules.yaml]\nscrape_configs:\n", every)
	job := func(name string, of map[string]string) {
		config += "  - job_name: " + name + "\n    static_configs:\n"
		for pod, admin := range of {
			config += fmt.Sprintf("      - {targets: [%q], labels: {namespace: books, service: bookstall-%s-metrics, pod: %s}}\n", strings.TrimPrefix(admin, "http://"), name, pod)
		}
	}
	job("marketplace", map[string]string{r.Marketplace.Name: r.Admin})
	replicas := map[string]string{}
	for _, one := range r.Replicas() {
		replicas[one.Name] = one.Admin
	}
	job("recommendations", replicas)
	for name, text := range map[string]string{"prometheus.yaml": config, "rules.yaml": scaled} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program, "--config.file="+filepath.Join(dir, "prometheus.yaml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address=127.0.0.1:0", "--log.format=json")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if m := regexp.MustCompile(`"Listening on","address":"([^"]+)"|"address":"([^"]+)".*"Listening on"`).FindStringSubmatch(lines.Text()); m != nil {
				select {
				case address <- m[1] + m[2]:
				default:
				}
			}
		}
		_ = cmd.Wait() // it is killed
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-ended
	})
	select {
	case at := <-address:
		return &prometheus{url: "http://" + at, began: time.Now()}
	case <-ended:
		t.Fatal("prometheus ended at once")
	case <-time.After(30 * time.Second):
		t.Fatal("prometheus does not say where it listens within 30 s")
	}
	return nil
}

// series is the answer for one series: its labels, and values by time.
type series struct {
	Metric map[string]string `json:"metric"`
	Values [][2]any          `json:"values"`
}

// history returns the answers to a query from the beginning until now, one each step.
func (p *prometheus) history(ctx context.Context, query string, step time.Duration) ([]series, error) {
	at := func(when time.Time) string { return fmt.Sprintf("%.3f", float64(when.UnixMilli())/1000) }
	form := url.Values{"query": {query}, "start": {at(p.began)}, "end": {at(time.Now())}, "step": {fmt.Sprint(step.Seconds())}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/api/v1/query_range?"+form.Encode(), http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var answer struct {
		Error string `json:"error"`
		Data  struct {
			Result []series `json:"result"`
		} `json:"data"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if answer.Error != "" {
		return nil, fmt.Errorf("%s: %s", query, answer.Error)
	}
	return answer.Data.Result, nil
}

// wait does something again and again until a query has an answer now.
func (p *prometheus) wait(t *testing.T, query string, do func()) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(scrapeInterval / 2) {
		if list, err := p.history(t.Context(), query, scrapeInterval); err == nil && slices.ContainsFunc(list, func(s series) bool {
			last, _ := s.Values[len(s.Values)-1][0].(float64)
			return time.Since(time.UnixMilli(int64(last*1000))) < 2*scrapeInterval+time.Second
		}) {
			return
		}
		do()
	}
	t.Fatalf("after 60 s prometheus has no answer to %s", query)
}

// chosen is a query with the variables as Grafana puts them in, for all releases.
func chosen(query string) string {
	return strings.NewReplacer("$__rate_interval", fmt.Sprintf("%dms", window.Milliseconds()), "$namespace", ".*", "$release", ".*").Replace(query)
}

// panelsHaveData checks that each query of each panel has an answer, and that what is gone,
// which is the pod of that name, is in none of them as zero.
func panelsHaveData(t *testing.T, p *prometheus, gone string, at time.Time) {
	t.Helper()
	panels, queries := 0, 0
	for _, d := range dashboards() {
		for _, one := range d.panels {
			panels++
			for _, query := range one.queries {
				queries++
				list, err := p.history(t.Context(), chosen(query[0]), scrapeInterval)
				if err != nil {
					t.Errorf("%s, %s: %v", d.title, one.title, err)
					continue
				}
				if !slices.ContainsFunc(list, func(s series) bool {
					return slices.ContainsFunc(s.Values, func(v [2]any) bool { return v[1] != "NaN" })
				}) {
					t.Errorf("%s, %s: no data for %s", d.title, one.title, query[0])
				}
				for _, s := range list {
					last := s.Values[len(s.Values)-1]
					when, _ := last[0].(float64)
					if s.Metric["pod"] == gone && time.UnixMilli(int64(when*1000)).After(at.Add(window+2*time.Second)) {
						t.Errorf("%s, %s: %s is gone and still has %v in %s", d.title, one.title, gone, last[1], query[0])
					}
				}
			}
		}
	}
	t.Logf("%d panels, %d queries", panels, queries)
	variablesHaveValues(t, p)
}

// stopped kills a replica, takes it out of DNS and waits until it is in no window any more.
func stopped(t *testing.T, r *rig, p *prometheus, one *fleet.Replica) (at time.Time) {
	t.Helper()
	if err := one.Kill(); err != nil {
		t.Fatal(err)
	}
	at = time.Now()
	r.Publish(slices.DeleteFunc(r.Replicas(), func(other *fleet.Replica) bool { return other == one })...)
	p.wait(t, fmt.Sprintf(`up{pod=%q} == 0 unless max_over_time(up{pod=%[1]q}[%ds]) == 1`, one.Name, int(window.Seconds())+3), wait)
	return at
}

// variablesHaveValues checks that the queries of the variables name labels that series have.
func variablesHaveValues(t *testing.T, p *prometheus) {
	t.Helper()
	variables, _ := dashboards()[0].grafana()["templating"].(object)["list"].([]object)
	for _, v := range variables {
		definition, ok := v["definition"].(string)
		if !ok {
			continue // the choice of a data source
		}
		m := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`).FindStringSubmatch(definition)
		if m == nil {
			t.Errorf("the query of a variable is %s", definition)
			continue
		}
		list, err := p.history(t.Context(), chosen(m[1]), scrapeInterval)
		if err != nil || len(list) == 0 {
			t.Errorf("%s: %d series, %v", definition, len(list), err)
			continue
		}
		value := list[0].Metric[m[2]]
		if pattern, _ := v["regex"].(string); pattern != "" {
			found := regexp.MustCompile(strings.Trim(pattern, "/")).FindStringSubmatch(value)
			if len(found) != 2 || found[1] != "bookstall" {
				t.Errorf("%s: %s finds %q in %q", definition, pattern, found, value)
			}
		} else if value == "" {
			t.Errorf("%s: no value", definition)
		}
	}
}
