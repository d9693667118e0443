//go:build compose

package compose

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestDrills starts the shop once, with the system's docker-compose, and runs the drills
// one after another, under load.
func TestDrills(t *testing.T) {
	p := newProject(t, "bookstall-drills", "docker-compose")
	p.run(t, "up", "--detach")
	p.healthy(t, "recommendations", 3)
	p.healthy(t, "marketplace", 1)

	t.Run("containers are restricted", p.restricted)
	t.Run("a personal shelf", p.personalShelf)
	t.Run("a like reaches all replicas", func(t *testing.T) { p.agreed(t, like(t)) })
	t.Run("steady", func(t *testing.T) {
		equalShares(t, p.startLoad(t, 10*time.Second).within(t, planned()), 3)
	})
	t.Run("scale 3 to 5", func(t *testing.T) {
		old := p.running(t, "recommendations")
		running := p.startLoad(t, 14*time.Second)
		p.run(t, "up", "--detach", "--no-recreate", "--scale", "recommendations=5")
		replicas := p.running(t, "recommendations")
		if len(replicas) != 5 {
			t.Fatalf("%d replicas run, want 5", len(replicas))
		}
		r := running.within(t, planned())
		for _, c := range replicas {
			if slices.ContainsFunc(old, func(o container) bool { return o.ID == c.ID }) {
				continue
			}
			first, ok := firstCall(r, p.admin(t, c.ID))
			if took := first.Sub(c.State.StartedAt); !ok || took > 8*time.Second {
				t.Errorf("a new replica had its first call after %v, want at most 8 s", took)
			} else {
				t.Logf("a new replica had its first call %.1f s after its start", took.Seconds())
			}
		}
		equalShares(t, p.startLoad(t, 10*time.Second).within(t, planned()), 5)
	})
	t.Run("two replicas killed", func(t *testing.T) {
		replicas := p.healthy(t, "recommendations", 5)
		running := p.startLoad(t, 14*time.Second)
		// A container that an operator kills stays down. One that dies is restarted.
		p.tell(t, replicas[0].ID, "kill", url.Values{"signal": {"KILL"}})
		if err := syscall.Kill(replicas[1].State.Pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		wait(t, "the second was started again", func() bool {
			c := p.inspect(t, replicas[1].ID)
			return c.RestartCount == 1 && c.State.Running
		})
		if c := p.inspect(t, replicas[0].ID); c.State.Running || c.State.ExitCode != 128+int(syscall.SIGKILL) {
			t.Errorf("the first: running %v, exit code %d", c.State.Running, c.State.ExitCode)
		}
		p.run(t, "up", "--detach", "--no-recreate", "--scale", "recommendations=5")
		running.within(t, unplanned())
		p.healthy(t, "recommendations", 5)
		equalShares(t, p.startLoad(t, 5*time.Second).within(t, planned()), 5)
	})
	t.Run("a replica stopped, then scale to 3", func(t *testing.T) {
		stopped := p.healthy(t, "recommendations", 5)[0].ID
		running := p.startLoad(t, 14*time.Second)
		p.tell(t, stopped, "stop", nil)
		if c := p.inspect(t, stopped); c.State.ExitCode != 0 {
			t.Errorf("the stopped replica ended with %d, want 0", c.State.ExitCode)
		}
		p.run(t, "up", "--detach", "--no-recreate", "--scale", "recommendations=3")
		running.within(t, planned())
		p.healthy(t, "recommendations", 3)
	})
	t.Run("down leaves nothing", p.downLeavesNothing)
}

// TestNewerCompose tests with Compose v2 what the two versions do differently: reading
// the file, and creating, scaling and recreating containers.
func TestNewerCompose(t *testing.T) {
	p := newProject(t, "bookstall-newer", root+"/.tools/bin/docker-compose",
		"MARKETPLACE_COOKIE_KEY="+strings.Repeat("0123456789abcdef", 4))
	p.run(t, "up", "--detach", "--wait")
	p.healthy(t, "recommendations", 3)

	t.Run("containers are restricted", p.restricted)
	t.Run("a personal shelf", p.personalShelf)
	t.Run("what readers did survives a restart", p.remembers)
	t.Run("scale 3 to 5", func(t *testing.T) {
		p.run(t, "up", "--detach", "--wait", "--no-recreate", "--scale", "recommendations=5")
		p.check(t, 5)
	})
	t.Run("the load beside the shop", func(t *testing.T) {
		out := p.run(t, "run", "--rm", "load", "-rate", "50", "-duration", "2s", "-json")
		var report struct{ Calls, Full int }
		if err := json.Unmarshal([]byte(out), &report); err != nil || report.Calls != 100 || report.Full == 0 {
			t.Errorf("%v: %s", err, out)
		}
	})
	t.Run("down leaves nothing", p.downLeavesNothing)
}

// TestProfiles starts all that profiles add.
func TestProfiles(t *testing.T) {
	p := newProject(t, "bookstall-profiles", root+"/.tools/bin/docker-compose",
		"COMPOSE_FILE="+root+"/deploy/compose.yaml:testdata/profiles.yaml", "COMPOSE_PROFILES=postgres,observability",
		"POSTGRES_PASSWORD=secret", "RECOMMENDATIONS_STORE=postgres://bookstall:secret@postgres/bookstall?sslmode=disable",
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://jaeger:4317")
	p.run(t, "up", "--detach", "--wait")
	p.healthy(t, "recommendations", 3)
	p.healthy(t, "postgres", 1)

	t.Run("a like reaches all replicas", func(t *testing.T) { p.agreed(t, like(t)) })
	t.Run("the store is the database", func(t *testing.T) {
		const query = "SELECT count(*) FROM pg_stat_activity WHERE application_name <> 'psql' AND client_addr IS NOT NULL"
		if n := strings.TrimSpace(p.run(t, "exec", "-T", "postgres", "psql", "--username=bookstall", "--no-align", "--tuples-only", "--command="+query)); n == "0" {
			t.Error("no replica is connected to the database")
		}
	})
	t.Run("metrics of each container", func(t *testing.T) {
		client := visitor(t)
		wait(t, "Prometheus has scraped the shop and three replicas", func() bool {
			resp, err := client.Get("http://127.0.0.1:9091/api/v1/query?query=sum(up)")
			if err != nil {
				return false
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			return err == nil && strings.Contains(string(text), `,"4"]`)
		})
	})
	t.Run("traces of both programs", func(t *testing.T) {
		wait(t, "spans of both", func() bool {
			spans := p.run(t, "logs", "--no-log-prefix", "jaeger")
			return strings.Contains(spans, `"marketplace"`) && strings.Contains(spans, `"recommendations"`)
		})
	})
	t.Run("down leaves nothing", p.downLeavesNothing)
}

// TestMutualTLS runs the programs with the second file, and renews their certificates.
func TestMutualTLS(t *testing.T) {
	p := newProject(t, "bookstall-tls", root+"/.tools/bin/docker-compose",
		"COMPOSE_FILE="+root+"/deploy/compose.yaml:"+root+"/deploy/compose.tls.yaml")
	p.run(t, "up", "--detach", "--wait")
	p.healthy(t, "certs", 1)
	p.agreed(t, like(t))
	certs := func(args ...string) string {
		return p.run(t, append([]string{"exec", "-T", "certs", "/ko-app/certs", "--dir=/data"}, args...)...)
	}
	expiry := func() float64 {
		_, rest, _ := strings.Cut(certs("show"), "recommendations: until ")
		text, _, _ := strings.Cut(rest, ": ")
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return float64(at.Unix())
	}
	admins, err := p.admins(t.Context())
	if err != nil || len(admins) != 3 {
		t.Fatalf("%v, %v", admins, err)
	}
	before := expiry()
	shown := func(at float64) {
		for _, admin := range admins {
			line := fmt.Sprintf("rpc_certificate_not_after_seconds{certificate=\"own\"} %s\n", strconv.FormatFloat(at, 'g', -1, 64))
			wait(t, admin+" shows "+line, func() bool { return strings.Contains(fetch(t, visitor(t), admin+"/metrics"), line) })
		}
	}
	shown(before)
	certs("--life=23h", "renew")
	if after := expiry(); after >= before {
		t.Fatalf("the renewed certificate is valid until %.0f, before until %.0f", after, before)
	}
	shown(expiry())
	p.run(t, "restart", "marketplace") // new connections
	p.healthy(t, "marketplace", 1)
	p.check(t, 3)
	p.downLeavesNothing(t)
}

// restricted checks the restrictions of the containers that the daemon created.
func (p *project) restricted(t *testing.T) {
	for service, memory := range map[string]int64{"marketplace": 128 << 20, "recommendations": 256 << 20} {
		for _, c := range p.running(t, service) {
			h := c.HostConfig
			if !h.ReadonlyRootfs || len(h.CapAdd) > 0 || !slices.Equal(h.CapDrop, []string{"ALL"}) || !slices.Equal(h.SecurityOpt, []string{"no-new-privileges:true"}) {
				t.Errorf("%s may do too much: %+v", service, h)
			}
			if h.Memory != memory || h.PidsLimit != 200 || h.RestartPolicy.Name != "unless-stopped" || c.Config.StopTimeout != 20 {
				t.Errorf("%s: %+v, stops in %d s", service, h, c.Config.StopTimeout)
			}
			for port, bindings := range h.PortBindings {
				for _, b := range bindings {
					if service != "marketplace" || port != "8080/tcp" || b.HostIP != "127.0.0.1" {
						t.Errorf("%s publishes %s on %q", service, port, b.HostIP)
					}
				}
			}
		}
	}
}

// personalShelf asks for a shelf as one of the sample readers on the front page, and runs
// the shop's own check.
func (p *project) personalShelf(t *testing.T) {
	client := visitor(t)
	id := sampleReader(t, get(t, client, "/"))
	var shelf struct {
		Source          string            `json:"source"`
		ServedBy        string            `json:"served_by"`
		Recommendations []json.RawMessage `json:"recommendations"`
	}
	text := get(t, client, "/api/v1/recommendations?max_results=3&user_id="+id)
	if err := json.Unmarshal([]byte(text), &shelf); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	ours := func(c container) bool { return shelf.ServedBy != "" && strings.HasPrefix(c.ID, shelf.ServedBy) }
	if shelf.Source != "personal" || len(shelf.Recommendations) != 3 || !slices.ContainsFunc(p.running(t, "recommendations"), ours) {
		t.Errorf("reader %s: %s", id, text)
	}
	p.check(t, 3)
}

// check runs `marketplace check` in the shop's container.
func (p *project) check(t *testing.T, replicas int) {
	t.Helper()
	out := p.run(t, "exec", "-T", "marketplace", "/ko-app/marketplace", "check",
		"--shop=http://127.0.0.1:8080", fmt.Sprintf("--replicas=%d", replicas), "--tolerance=0.05")
	t.Logf("\n%s", out)
}

// remembers removes all containers, in two ways, and checks that a reader's history and a
// visitor's cookie survive. The containers are killed before they have drained, because
// whatever was acknowledged is on the volume.
func (p *project) remembers(t *testing.T) {
	client := visitor(t)
	resp, err := client.PostForm(shop+"/reader", url.Values{"reader": {sampleReader(t, get(t, client, "/"))}, "return": {"/"}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if page := get(t, client, "/"); !strings.Contains(page, `data-source="personal"`) {
		t.Fatalf("the sample reader's front page is not personal:\n%.2000s", page)
	}
	version := like(t)
	before := p.agreed(t, version)
	all := func() map[string]bool {
		ids := map[string]bool{}
		for _, c := range append(p.healthy(t, "recommendations", 3), p.healthy(t, "marketplace", 1)...) {
			ids[c.ID] = true
		}
		return ids
	}
	old := all()
	same := func(after string) {
		now := all()
		for id := range now {
			if old[id] {
				t.Fatalf("%s: an old container still runs", after)
			}
		}
		old = now
		if now := p.agreed(t, version); now != before {
			t.Errorf("%s: the reader gets %s, before %s", after, now, before)
		}
		if page := get(t, client, "/"); !strings.Contains(page, `data-source="personal"`) {
			t.Errorf("%s: the visitor's front page is not personal:\n%.2000s", after, page)
		}
	}
	p.run(t, "up", "--detach", "--wait", "--force-recreate", "--timeout=1")
	same("after all containers were recreated")

	p.run(t, "down", "--timeout=1")
	if containers, networks, volumes := p.left(t, p.name); containers+networks > 0 || volumes != 1 {
		t.Errorf("after down: %d containers, %d networks, %d volumes; want only the volume", containers, networks, volumes)
	}
	p.run(t, "up", "--detach", "--wait")
	same("after down and up")
}

// like sends likes of a reader for three books, and returns the version of the reader's
// history.
func like(t *testing.T) (version int64) {
	t.Helper()
	const reader = 900_001
	var list struct {
		Books []struct{ ID int64 }
	}
	if err := json.Unmarshal([]byte(get(t, visitor(t), "/api/v1/books?page_size=3")), &list); err != nil || len(list.Books) != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, b := range list.Books {
		body := fmt.Sprintf(`{"user_id":%d,"book_id":%d,"kind":"like"}`, reader, b.ID)
		resp, err := visitor(t).Post(shop+"/api/v1/interactions", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		var recorded struct{ Version int64 }
		if err == nil {
			err = json.Unmarshal(text, &recorded)
		}
		if err != nil || resp.StatusCode != http.StatusCreated || recorded.Version == 0 {
			t.Fatalf("%s: status %d, %v: %s", body, resp.StatusCode, err, text)
		}
		version = recorded.Version
	}
	return version
}

// agreed asks for the shelf of the reader of like until each replica has answered. All
// answers must be equal.
func (p *project) agreed(t *testing.T, version int64) (books string) {
	t.Helper()
	replicas := map[string]bool{}
	for _, c := range p.healthy(t, "recommendations", 3) {
		replicas[c.ID[:12]] = true
	}
	wait(t, "each replica has answered", func() bool {
		var shelf struct {
			Source          string
			ServedBy        string `json:"served_by"`
			Recommendations []struct{ ID int64 }
		}
		text := get(t, visitor(t), fmt.Sprintf("/api/v1/recommendations?max_results=10&user_id=900001&min_version=%d", version))
		if err := json.Unmarshal([]byte(text), &shelf); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		got := fmt.Sprint(shelf.Recommendations)
		if shelf.Source != "personal" || books != "" && got != books {
			t.Fatalf("%s, another replica gives %s", text, books)
		}
		books = got
		delete(replicas, shelf.ServedBy)
		return len(replicas) == 0
	})
	return books
}

func (p *project) downLeavesNothing(t *testing.T) {
	t.Helper()
	p.run(t, "down", "--volumes")
	if containers, networks, volumes := p.left(t, p.name); containers+networks+volumes > 0 {
		t.Errorf("left: %d containers, %d networks, %d volumes", containers, networks, volumes)
	}
}

// admin returns the name of a replica in the report of a load.
func (p *project) admin(t *testing.T, id string) string {
	t.Helper()
	list, err := p.list(t.Context(), false, p.labels("recommendations")...)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range list {
		if l.ID == id {
			return l.ip() + ":9090"
		}
	}
	t.Fatalf("%s is not running", id)
	return ""
}

// visitor returns a client with cookies.
func visitor(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
}

func get(t *testing.T, client *http.Client, path string) string {
	t.Helper()
	return fetch(t, client, shop+path)
}

func fetch(t *testing.T, client *http.Client, address string) string {
	t.Helper()
	resp, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v\n%.500s", address, resp.StatusCode, err, text)
	}
	return string(text)
}

// sampleReader returns the id of a sample reader on the page.
func sampleReader(t *testing.T, page string) string {
	t.Helper()
	m := regexp.MustCompile(`name="reader" value="(\d+)"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no sample readers:\n%.2000s", page)
	}
	return m[1]
}
