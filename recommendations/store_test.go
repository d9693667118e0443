package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"bookstall/internal/atomicfile"
	"bookstall/internal/test/pgtest"
)

// Replicas and commands behind three poolers of 3 connections each, in transaction mode, with
// a plain URL: migration and seeding at once, then trainings at once.
func TestReplicasBehindPoolers(t *testing.T) {
	server := pgtest.Start(t)
	database := server.NewDatabase()
	const poolers, size = 3, 3
	urls := make([]string, poolers)
	for i := range urls {
		urls[i] = server.Pooler(size).URL(database)
	}
	var wg sync.WaitGroup
	replicas := make([]program, 2*poolers)
	for i := range replicas {
		wg.Go(func() { replicas[i] = start(t, "--store="+urls[i%poolers], "--workers=1") })
	}
	wg.Wait()
	for _, p := range replicas {
		serving(t, p.dial(t), "")
	}
	trainings := make([]error, 4)
	for i := range trainings {
		wg.Go(func() {
			trainings[i] = run(within(t, time.Minute), []string{"train", "--no-measure", "--workers=1", "--store=" + urls[i%poolers]}, io.Discard, io.Discard)
		})
	}
	wg.Wait()
	for i, err := range trainings {
		if err != nil {
			t.Errorf("training %d: %v", i, err)
		}
	}
	var models bytes.Buffer
	if err := run(within(t, time.Minute), []string{"models", "list", "--store=" + urls[0]}, &models, io.Discard); err != nil || !strings.Contains(models.String(), "since") {
		t.Errorf("models: %v\n%s", err, models.String())
	}
	for i, p := range replicas {
		if lines := append(p.Lines("store unreachable: shelves come from memory"), p.Lines("store cannot be loaded yet")...); len(lines) > 0 {
			t.Errorf("replica %d: %v", i, lines)
		}
		if len(p.Lines("PostgreSQL is behind a pooler: statements are not prepared, and changes are polled")) != 1 {
			t.Errorf("replica %d does not log the pooler once", i)
		}
	}
}

// A replica and the commands of Jobs take a private CA and a client certificate.
func TestJobsWithAClientCertificate(t *testing.T) {
	server := pgtest.Start(t)
	server.Exec("CREATE ROLE app LOGIN")
	dir := t.TempDir()
	server.Certify(pgtest.NewCA(t), "app", dir)
	file := filepath.Join(dir, "url")
	if err := os.WriteFile(file, []byte(server.VerifiedURL("app", dir)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "--store-file="+file, "--workers=1")
	serving(t, p.dial(t), "")
	for _, command := range [][]string{{"train", "--no-measure"}, {"models", "list"}, {"export", filepath.Join(dir, "export")}, {"import", "--from", filepath.Join(dir, "export")}} {
		var out bytes.Buffer
		if err := run(within(t, time.Minute), append(command, "--store-file="+file), &out, &out); err != nil {
			t.Errorf("%s: %v\n%s", command, err, out.String())
		}
	}
}

// What /readyz and the log say while the store cannot be used, before it is loaded and after,
// and that a password which was replaced in the file of the URL is used without a restart.
func TestAStoreThatIsAway(t *testing.T) {
	server := pgtest.Start(t)
	server.Exec("CREATE ROLE app LOGIN PASSWORD 'topsecret1'")
	server.Admit("host all app 127.0.0.1/32 scram-sha-256")
	database, file := server.DatabaseOf("app"), filepath.Join(t.TempDir(), "url")
	knows := func(password string) {
		t.Helper()
		text := fmt.Sprintf("postgres://app:%s@%s/%s?sslmode=disable\n", password, server.Host(), database)
		if err := atomicfile.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	knows("topsecret0")
	p := start(t, "--store-file="+file, "--workers=1")
	says := func(code int, texts ...string) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			got, body := get(t, "http://"+p.adminAddress+"/readyz")
			missing := got != code
			for _, text := range texts {
				missing = missing || !strings.Contains(body, text)
			}
			if strings.Contains(body, "topsecret") {
				t.Fatalf("the password is in %s", body)
			}
			if !missing {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("/readyz: %d %s, want %d and %q", got, body, code, texts)
			}
		}
	}
	says(http.StatusServiceUnavailable, "the store cannot be used", "password authentication failed")
	knows("topsecret1")
	says(http.StatusOK, "ok\n")
	conn := p.dial(t)
	serving(t, conn, "")
	server.Exec("ALTER ROLE app PASSWORD 'topsecret2'")
	server.Disconnect("app")
	says(http.StatusOK, "ok, but the store cannot be used", "password authentication failed")
	server.Stop()
	says(http.StatusOK, "ok, but the store cannot be used", "connection refused")
	server.Run()
	knows("topsecret2")
	says(http.StatusOK, "ok\n")
	lines := p.Lines("store unreachable: shelves come from memory")
	causes := map[any]int{}
	for _, l := range lines {
		causes[l["cause"]]++
	}
	if causes["refused"] != 1 || causes["unreachable"] != 1 {
		t.Errorf("causes %v, want each logged once", causes)
	}
	if state, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil || state.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("health: %v, %v", state, err)
	}
}
