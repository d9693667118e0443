//go:build compose

package compose

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	// root is the path of the repository from this package.
	root = "../../.."
	shop = "http://127.0.0.1:8080"
	// patience bounds each command of Compose and each wait.
	patience = time.Minute
)

// project is a Compose project.
type project struct {
	engine

	name    string
	compose string // the program
	env     []string
}

// newProject returns a project that is taken down at the end of the test.
func newProject(t *testing.T, name, compose string, env ...string) *project {
	t.Helper()
	p := &project{engine: newEngine(t), name: name, compose: compose}
	file, err := filepath.Abs(filepath.Join(root, "deploy", "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	p.env = append(os.Environ(), append([]string{"COMPOSE_FILE=" + file, "COMPOSE_PROJECT_NAME=" + name, "BOOKSTALL_TAG=compose"}, env...)...)
	p.loadImages(t)
	t.Logf("%s", strings.TrimSpace(p.run(t, "version", "--short")))
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(p.try(context.Background(), "ps"))
			t.Log(p.try(context.Background(), "logs", "--tail=20"))
		}
		if _, err := p.try(context.Background(), "down", "--volumes"); err != nil {
			t.Error(err)
		}
	})
	return p
}

func (p *project) try(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.compose, args...)
	cmd.Env = p.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s %s: %w: %s", p.compose, strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), nil
}

// run runs a command of Compose.
func (p *project) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := p.try(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// wait polls until done returns true.
func wait(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if done() {
			return
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
	t.Fatalf("not within the limit: %s", what)
}

func (p *project) labels(service string) []string {
	return []string{"com.docker.compose.project=" + p.name, "com.docker.compose.service=" + service}
}

// running returns the running containers of a service.
func (p *project) running(t *testing.T, service string) (containers []container) {
	t.Helper()
	list, err := p.list(t.Context(), false, p.labels(service)...)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range list {
		containers = append(containers, p.inspect(t, l.ID))
	}
	return containers
}

// healthy waits until a service has n running containers, all healthy, and returns
// them.
func (p *project) healthy(t *testing.T, service string, n int) (containers []container) {
	t.Helper()
	wait(t, fmt.Sprintf("%d healthy of %s", n, service), func() bool {
		containers = p.running(t, service)
		for _, c := range containers {
			if c.State.Health.Status != "healthy" {
				return false
			}
		}
		return len(containers) == n
	})
	return containers
}

// admins returns the admin URLs of the running replicas.
func (p *project) admins(ctx context.Context) (urls []string, err error) {
	list, err := p.list(ctx, false, p.labels("recommendations")...)
	for _, l := range list {
		if ip := l.ip(); ip != "" {
			urls = append(urls, "http://"+ip+":9090")
		}
	}
	return urls, err
}

// ip returns the address of a container on the project's only network.
func (l listed) ip() string {
	for _, n := range l.NetworkSettings.Networks {
		return n.IPAddress
	}
	return ""
}
