//go:build compose

package compose

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// engine is the API of the Docker daemon at $DOCKER_HOST.
type engine struct{ http *http.Client }

func newEngine(t *testing.T) engine {
	t.Helper()
	socket, ok := strings.CutPrefix(os.Getenv("DOCKER_HOST"), "unix://")
	if !ok {
		t.Fatal("DOCKER_HOST names no socket: run make test-compose, which starts a daemon for these tests")
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return engine{&http.Client{Transport: transport, Timeout: patience}}
}

// ask makes a call and decodes the response into v, unless v is nil.
func (e engine) ask(ctx context.Context, method, path string, query url.Values, body io.Reader, v any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://docker"+path+"?"+query.Encode(), body)
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-tar")
	}
	resp, err := e.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: status %d: %s", method, path, resp.StatusCode, text)
	}
	if v == nil {
		return nil
	}
	return json.Unmarshal(text, v)
}

func (e engine) loadImages(t *testing.T) {
	t.Helper()
	for _, name := range []string{"marketplace", "recommendations", "certs", "load", "otlpsink", "postgres", "prometheus"} {
		f, err := os.Open(filepath.Join(root, "bin", "compose", name+".tar"))
		if err != nil {
			t.Fatal(err)
		}
		err = e.ask(t.Context(), http.MethodPost, "/images/load", nil, f, nil)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// listed is a container as the daemon lists it.
type listed struct {
	ID              string `json:"Id"`
	NetworkSettings struct {
		Networks map[string]struct{ IPAddress string }
	}
}

// list returns the containers that have all of the labels: the running ones, or all.
func (e engine) list(ctx context.Context, all bool, labels ...string) (containers []listed, err error) {
	filters, err := json.Marshal(map[string][]string{"label": labels})
	if err != nil {
		return nil, err
	}
	err = e.ask(ctx, http.MethodGet, "/containers/json", url.Values{
		"filters": {string(filters)}, "all": {fmt.Sprint(all)},
	}, nil, &containers)
	return containers, err
}

// container is a container as the daemon describes it.
type container struct {
	ID           string `json:"Id"`
	RestartCount int
	State        struct {
		Running   bool
		Pid       int
		ExitCode  int
		StartedAt time.Time
		Health    struct{ Status string }
	}
	Config     struct{ StopTimeout int }
	HostConfig struct {
		Memory         int64
		PidsLimit      int64
		ReadonlyRootfs bool
		CapAdd         []string
		CapDrop        []string
		SecurityOpt    []string
		RestartPolicy  struct{ Name string }
		PortBindings   map[string][]struct{ HostIP string }
	}
}

func (e engine) inspect(t *testing.T, id string) (c container) {
	t.Helper()
	if err := e.ask(t.Context(), http.MethodGet, "/containers/"+id+"/json", nil, nil, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// tell makes the daemon do an action on a container: kill, stop.
func (e engine) tell(t *testing.T, id, action string, query url.Values) {
	t.Helper()
	if err := e.ask(t.Context(), http.MethodPost, "/containers/"+id+"/"+action, query, nil, nil); err != nil {
		t.Fatal(err)
	}
}

// left counts the containers, networks and volumes with the label of a project.
func (e engine) left(t *testing.T, project string) (containers, networks, volumes int) {
	t.Helper()
	label := "com.docker.compose.project=" + project
	list, err := e.list(t.Context(), true, label)
	if err != nil {
		t.Fatal(err)
	}
	query := url.Values{"filters": {fmt.Sprintf(`{"label":[%q]}`, label)}}
	var nets []any
	if err := e.ask(t.Context(), http.MethodGet, "/networks", query, nil, &nets); err != nil {
		t.Fatal(err)
	}
	var vols struct{ Volumes []any }
	if err := e.ask(t.Context(), http.MethodGet, "/volumes", query, nil, &vols); err != nil {
		t.Fatal(err)
	}
	return len(list), len(nets), len(vols.Volumes)
}
