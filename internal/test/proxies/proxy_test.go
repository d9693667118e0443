package proxies

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"

	"bookstall/internal/pki"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// block returns the n-th block of a language below a heading of docs/proxies.md.
func block(t *testing.T, heading, language string, n int) string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/proxies.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("docs/proxies.md has no heading %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(section, -1)
	if len(blocks) <= n {
		t.Fatalf("%q has %d blocks of %s, want more than %d", heading, len(blocks), language, n)
	}
	return blocks[n][1]
}

// What no test runs is at least YAML, and removes the header that names a reader.
func TestConfigurationsInYAML(t *testing.T) {
	for _, heading := range []string{"Traefik", "Envoy Gateway"} {
		text := block(t, heading, "yaml", 0)
		var parsed map[string]any
		if err := yaml.Unmarshal([]byte(text), &parsed); err != nil || len(parsed) == 0 || !strings.Contains(text, header) {
			t.Errorf("%s: %v, and %q must be in\n%s", heading, err, header, text)
		}
	}
}

// replace replaces texts that a configuration must have by others, in pairs.
func replace(t *testing.T, configuration string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(configuration, pairs[i]) {
			t.Fatalf("the configuration lacks %q:\n%s", pairs[i], configuration)
		}
		configuration = strings.ReplaceAll(configuration, pairs[i], pairs[i+1])
	}
	return configuration
}

// installed returns the path of a proxy, or skips the test.
func installed(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
	if err != nil {
		t.Skipf("SKIP (counted): %v; install %s", err, name)
	}
	return path
}

// startNginx runs nginx, with a configuration of servers, until the end of the test.
func startNginx(t *testing.T, address, servers string) {
	t.Helper()
	path, dir := installed(t, "nginx"), t.TempDir()
	write(t, filepath.Join(dir, "servers.conf"), servers)
	file := write(t, filepath.Join(dir, "nginx.conf"), strings.ReplaceAll(`
daemon off;
master_process off;
pid DIR/pid;
error_log stderr;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path DIR/body;
    proxy_temp_path DIR/proxy;
    fastcgi_temp_path DIR/fastcgi;
    uwsgi_temp_path DIR/uwsgi;
    scgi_temp_path DIR/scgi;
    include DIR/servers.conf;
}
`, "DIR", dir))
	run(t, address, path, "-e", "stderr", "-p", dir, "-c", file)
}

// startHAProxy runs HAProxy until the end of the test.
func startHAProxy(t *testing.T, address, configuration string) {
	t.Helper()
	path := installed(t, "haproxy")
	run(t, address, path, "-db", "-f", write(t, filepath.Join(t.TempDir(), "haproxy.cfg"), configuration))
}

// startCaddy runs Caddy, with a configuration of sites, until the end of the test.
func startCaddy(t *testing.T, address, sites string) {
	t.Helper()
	path, dir := installed(t, "caddy"), t.TempDir()
	t.Setenv("HOME", dir) // where it would keep certificates of its own
	t.Setenv("XDG_DATA_HOME", dir)
	t.Setenv("XDG_CONFIG_HOME", dir)
	// No port but that of the site.
	file := write(t, filepath.Join(dir, "Caddyfile"), "{\n\tadmin off\n\tauto_https disable_redirects\n\tservers {\n\t\tprotocols h1 h2\n\t}\n}\n"+sites)
	run(t, address, path, "run", "--config", file, "--adapter", "caddyfile")
}

func write(t *testing.T, file, text string) (path string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// run runs a proxy until the end of the test, and returns when it listens.
func run(t *testing.T, address, path string, args ...string) {
	t.Helper()
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	var status error // valid once ended is closed
	go func() {
		defer close(ended)
		status = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-ended
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("%s ended: %v", path, status)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen at %s: %v", path, address, err)
		}
	}
}

// site is the certificate of shop.example.
type site struct {
	cert, key, both string // files
	roots           *x509.CertPool
}

func newSite(t *testing.T) site {
	t.Helper()
	ca, err := pki.NewCA("tests of proxies", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	template, err := pki.Leaf([]string{"shop.example"}, x509.ExtKeyUsageServerAuth, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.Issue(template)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := site{roots: x509.NewCertPool()}
	s.roots.AddCert(ca.Cert)
	s.cert = write(t, filepath.Join(dir, "cert.pem"), string(pair.Cert))
	s.key = write(t, filepath.Join(dir, "key.pem"), string(pair.Key))
	s.both = write(t, filepath.Join(dir, "both.pem"), string(pair.Cert)+string(pair.Key))
	return s
}

// browser returns a client with cookies for which shop.example is at an address. It follows
// no redirects.
func (s site) browser(t *testing.T, address string) *http.Client {
	t.Helper()
	var dialer net.Dialer
	transport := &http.Transport{
		ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, address)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	jar, _ := cookiejar.New(nil) // never fails
	return &http.Client{
		Transport: transport, Jar: jar, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
