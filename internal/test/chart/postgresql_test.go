package chart

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"bookstall/internal/test/pgtest"
)

// Which certificate the trial PostgreSQL has, for each source of certificates, and which CA its
// clients have.
func TestCertificateOfTheDatabase(t *testing.T) {
	const jobs = "postgresql.enabled=true,import.enabled=true,import.args={x},train.enabled=true"
	for set, secret := range map[string]string{
		"tls.enabled=false,tls.secretName=x,tls.postgresqlSecretName=database": "",
		"tls.enabled=true,tls.secretName=x":                                    "", // as with an earlier chart
		"tls.enabled=true,tls.secretName=x,tls.postgresqlSecretName=database":  "database",
		"tls.enabled=true,tls.certManager.issuerRef.name=ca":                   "bookstall-postgresql-tls",
	} {
		objects := rendered(t, "--set="+jobs+","+set, "--api-versions=cert-manager.io/v1/Certificate")
		for name, kind := range map[string]string{"postgresql": "StatefulSet", "recommendations": "Deployment", "train": "CronJob", "import": "Job", "marketplace": "Deployment"} {
			found := ""
			for _, o := range objects {
				if o.kind() != kind || !strings.HasPrefix(o.name(), "bookstall-"+name) {
					continue
				}
				for _, v := range o.pod().list("spec", "volumes") {
					if v.text("name") == map[bool]string{true: "tls", false: "store-ca"}[name == "postgresql"] {
						found = v.text("secret", "secretName")
						if text := compact(t, v); name != "postgresql" && !strings.Contains(text, `"items":[{"key":"ca.crt","path":"ca.crt"}]`) {
							t.Errorf("%s: %s has more than the CA: %s", set, name, text)
						}
					}
				}
			}
			if want := map[bool]string{true: "", false: secret}[name == "marketplace"]; found != want {
				t.Errorf("%s: %s has Secret %q, want %q", set, name, found, want)
			}
		}
		pod := find(t, objects, "StatefulSet", "bookstall-postgresql").pod()
		if text := compact(t, pod); strings.Contains(text, "ssl=on") != (secret != "") || strings.Contains(text, "initContainers") != (secret != "") {
			t.Errorf("%s: %s", set, text)
		}
		certificates := 0
		for _, o := range objects {
			if o.kind() == "Certificate" && strings.Contains(compact(t, o.at("spec", "dnsNames")), `"bookstall-postgresql"`) &&
				strings.Contains(compact(t, o.at("spec", "usages")), "server auth") {
				certificates++
			}
		}
		if want := strings.Count(set, "issuerRef"); certificates != want {
			t.Errorf("%s: %d Certificates for the database, want %d", set, certificates, want)
		}
	}
}

// database is a PostgreSQL that runs with the settings and the scripts of the chart's pod.
type database struct {
	*pgtest.Server

	t      *testing.T
	dir    string // of the Secret (tls), of the copy (run) and of the CA for clients
	data   string
	in     *strings.Replacer
	script map[string]string // init and probe
}

// TestTheDatabaseTakesTLSAlone: with certificates that Helm made, and a renewed one as soon as the
// readiness probe has seen it.
func TestTheDatabaseTakesTLSAlone(t *testing.T) {
	t.Parallel()
	helm, s := tool(t, "helm"), pgtest.Start(t)
	made := func() []object {
		return parse(t, inCluster(t, helm, cluster(t), "--set=tls.enabled=true,tls.generate=true,postgresql.enabled=true"))
	}
	objects := made()
	text := string(decoded(t, find(t, objects, "Secret", "bookstall-postgresql").text("data", "url")))
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	s.Exec("CREATE ROLE bookstall LOGIN PASSWORD '"+password+"'", "CREATE DATABASE bookstall OWNER bookstall")

	d := newDatabase(t, s, find(t, objects, "StatefulSet", "bookstall-postgresql").pod())
	first := d.secret(find(t, objects, "Secret", "bookstall-postgresql-tls"))
	d.run("init")
	hba, err := os.ReadFile(filepath.Join(d.dir, "run", "pg_hba.conf"))
	if err != nil {
		t.Fatal(err)
	}
	d.Put("pg_hba.conf", string(hba))
	d.Exec("SELECT pg_reload_conf()")
	d.until(text, first)

	for name, other := range map[string]string{
		"no encryption":                  strings.Replace(text, "verify-full", "disable", 1),
		"password authentication failed": strings.Replace(text, password, "wrong", 1),
		"x509":                           strings.Replace(text, u.Hostname(), "another.example.org", 1),
	} {
		if _, err := d.connect(other); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}

	second := d.secret(find(t, made(), "Secret", "bookstall-postgresql-tls"))
	d.run("probe")
	d.until(text, second)
	// A Secret without a key leaves the server as it is, and ready.
	if err := os.Remove(filepath.Join(d.dir, "tls", "tls.key")); err != nil {
		t.Fatal(err)
	}
	d.run("probe")
	d.until(text, second)
}

// newDatabase gives a server the settings of a pod.
func newDatabase(t *testing.T, s *pgtest.Server, pod object) database {
	t.Helper()
	d := database{Server: s, t: t, data: filepath.Dir(s.Put("here", "")), script: map[string]string{}}
	d.dir = filepath.Dir(d.data)
	owner := d.owner()
	for _, name := range []string{"tls", "run"} {
		path := filepath.Join(d.dir, name)
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, int(owner.Uid), int(owner.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	d.in = strings.NewReplacer("/etc/bookstall/tls", filepath.Join(d.dir, "tls"), "/var/run/bookstall", filepath.Join(d.dir, "run"),
		"/etc/bookstall/store-ca", filepath.Join(d.dir, "tls"))
	command := func(c object, path ...string) string {
		list, _ := c.at(path...).([]any)
		text, _ := list[len(list)-1].(string)
		return d.in.Replace(text)
	}
	container := pod.list("spec", "containers")[0]
	d.script["init"] = command(pod.list("spec", "initContainers")[0], "command")
	d.script["probe"] = command(container, "readinessProbe", "exec", "command")
	args, _ := container.at("args").([]any)
	for _, a := range args {
		name, value, found := strings.Cut(d.in.Replace(a.(string)), "=")
		if found && name != "hba_file" && name != "shared_buffers" { // these two take a restart
			d.Exec("ALTER SYSTEM SET " + name + " = '" + value + "'")
		}
	}
	return d
}

func (d database) owner() *syscall.Stat_t {
	d.t.Helper()
	info, err := os.Stat(d.data)
	if err != nil {
		d.t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t)
}

// secret writes the data of a Secret, for everyone to read, and returns the serial number of its
// certificate.
func (d database) secret(o object) string {
	d.t.Helper()
	for _, name := range []string{"tls.crt", "tls.key", "ca.crt"} {
		if err := os.WriteFile(filepath.Join(d.dir, "tls", name), decoded(d.t, o.text("data", name)), 0o644); err != nil {
			d.t.Fatal(err)
		}
	}
	block, _ := pem.Decode(decoded(d.t, o.text("data", "tls.crt")))
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		d.t.Fatal(err)
	}
	return cert.SerialNumber.String()
}

// run runs a script of the pod as the user of the server.
func (d database) run(name string) {
	d.t.Helper()
	flags, env := "-ec", []string{"PATH=" + os.Getenv("PATH")}
	if name == "probe" {
		_, port, err := net.SplitHostPort(d.Host())
		if err != nil {
			d.t.Fatal(err)
		}
		flags, env = "-c", append(env, "PGDATA="+d.data, "PGPORT="+port)
	}
	cmd := exec.CommandContext(d.t.Context(), "/bin/sh", flags, d.script[name])
	cmd.Env, cmd.Dir = env, "/"
	if owner := d.owner(); os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		d.t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// connect connects with a URL of the chart, to the server of this test, and returns the serial
// number of the certificate that it shows.
func (d database) connect(text string) (serial string, err error) {
	d.t.Helper()
	config, err := pgconn.ParseConfig(d.in.Replace(text))
	if err != nil {
		d.t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(d.Host())
	if err != nil {
		d.t.Fatal(err)
	}
	config.LookupFunc = func(_ context.Context, _ string) ([]string, error) { return []string{host}, nil }
	dialer := &net.Dialer{}
	config.DialFunc = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, net.JoinHostPort(host, port))
	}
	conn, err := pgconn.ConnectConfig(d.t.Context(), config)
	if err != nil {
		return "", err
	}
	defer conn.Close(d.t.Context())
	if secure, ok := conn.Conn().(*tls.Conn); ok {
		serial = secure.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	return serial, nil
}

// until waits until the server shows a certificate: it reads its settings some time after it was
// told to.
func (d database) until(text, serial string) {
	d.t.Helper()
	const patience = 20 * time.Second
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		got, err := d.connect(text)
		if err == nil && got == serial {
			return
		}
		if time.Since(began) > patience {
			d.t.Fatalf("not within %v: certificate %s; it is %s, %v", patience, serial, got, err)
		}
	}
}
