package alerts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"bookstall/internal/lab/fleet"
)

const (
	every      = time.Second      // between two looks of Prometheus
	startBound = 30 * time.Second // until it is ready
	stopBound  = 10 * time.Second // until it has ended
)

// target is what Prometheus scrapes, in the form of its discovery by HTTP.
type target struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// targets returns the processes of the fleet that run, with the labels that they have in
// the chart. A replica that is started again has the same: in a cluster it is one pod.
func targets(f *fleet.Fleet) (list []target) {
	add := func(job, pod string, p *fleet.Process) {
		select {
		case <-p.Ended():
			return
		default:
		}
		list = append(list, target{
			Targets: []string{strings.TrimPrefix(p.Admin, "http://")},
			Labels:  map[string]string{"job": job, "namespace": "drills", "service": "bookstall", "pod": pod, "instance": pod},
		})
	}
	for _, r := range f.Replicas() {
		add("recommendations", r.IP.String(), r.Process)
	}
	for _, m := range f.Marketplaces() {
		add("marketplace", m.Name, m.Process)
	}
	return list
}

// prometheusServer is a Prometheus that runs.
type prometheusServer struct {
	url       string
	cmd       *exec.Cmd
	ended     chan error
	discovery *httptest.Server
}

// startPrometheus runs a Prometheus with the rules, which keeps its data in dir, and returns
// when it is ready.
func startPrometheus(ctx context.Context, program, dir, rules string, targets func() []target) (_ *prometheusServer, err error) {
	if _, err := os.Stat(program); err != nil {
		return nil, fmt.Errorf("no Prometheus (--prometheus); make alerts installs it: %w", err)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	p := &prometheusServer{ended: make(chan error, 1)}
	p.discovery = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(targets()) // Prometheus may have gone
	}))
	defer func() {
		if err != nil {
			err = errors.Join(err, p.stop())
		}
	}()
	config := filepath.Join(dir, "prometheus.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, `global: {scrape_interval: %[1]s, scrape_timeout: %[1]s, evaluation_interval: %[1]s}
rule_files: [%[2]q]
scrape_configs:
  - job_name: fleet
    http_sd_configs: [{url: %[3]q, refresh_interval: %[1]s}]
`, every, rules, p.discovery.URL), 0o600); err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p.url = "http://" + address
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd = exec.Command(program, "--config.file="+config, "--web.listen-address="+address, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--log.level=warn") //nolint:gosec // the operator names it
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		p.cmd = nil
		return nil, err
	}
	go func() { p.ended <- p.cmd.Wait() }()
	if err := p.waitScraped(ctx, len(targets())); err != nil {
		text, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("%w: %s", err, text)
	}
	return p, nil
}

// waitScraped returns when Prometheus has scraped as many processes. It takes on new ones
// every 5 s only.
func (p *prometheusServer) waitScraped(ctx context.Context, processes int) error {
	deadline := time.After(startBound)
	for {
		if up, err := p.query(ctx, "up == 1"); err == nil && len(up) == processes {
			return nil
		}
		select {
		case err := <-p.ended:
			p.ended <- err
			return fmt.Errorf("prometheus ended: %w", err)
		case <-deadline:
			return fmt.Errorf("prometheus has not scraped %d processes after %v (startBound)", processes, startBound)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// series is one series of an answer of Prometheus.
type series struct {
	Metric map[string]string
	Values [][2]any // of a range: pairs of a time in seconds and a value
}

func (p *prometheusServer) query(ctx context.Context, text string) ([]series, error) {
	body, err := fleet.Get(ctx, p.url+"/api/v1/query?query="+url.QueryEscape(text))
	if err != nil {
		return nil, err
	}
	var answer struct{ Data struct{ Result []series } }
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("prometheus: %w", err)
	}
	return answer.Data.Result, nil
}

// fired returns when each alert that has fired first did.
func (p *prometheusServer) fired(ctx context.Context) (map[string]time.Time, error) {
	list, err := p.query(ctx, `ALERTS{alertstate="firing"}[1h]`)
	if err != nil {
		return nil, err
	}
	fired := map[string]time.Time{}
	for _, r := range list {
		seconds, ok := r.Values[0][0].(float64)
		if !ok {
			return nil, fmt.Errorf("prometheus: a sample without a time: %v", r.Values[0])
		}
		at, name := time.UnixMilli(int64(1000*seconds)), r.Metric["alertname"]
		if before, ok := fired[name]; !ok || at.Before(before) {
			fired[name] = at
		}
	}
	return fired, nil
}

// stop ends Prometheus and what tells it its targets.
func (p *prometheusServer) stop() error {
	defer p.discovery.Close()
	if p.cmd == nil {
		return nil
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case err := <-p.ended:
		return err
	case <-time.After(stopBound):
		return errors.Join(fmt.Errorf("prometheus has not ended within %v (stopBound)", stopBound), p.cmd.Process.Kill())
	}
}

// freeAddress returns an address on loopback where nothing listens now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
