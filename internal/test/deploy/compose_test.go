package deploy

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// compose is deploy/compose.yaml.
type compose struct {
	Shared   any                       `yaml:"x-service"`
	Services map[string]composeService `yaml:"services"`
	Volumes  map[string]struct{}       `yaml:"volumes"`
}

type composeService struct {
	Image string `yaml:"image"`
	Build struct {
		Context    string            `yaml:"context"`
		Dockerfile string            `yaml:"dockerfile"`
		Args       map[string]string `yaml:"args"`
	} `yaml:"build"`
	User        string                       `yaml:"user"`
	ShmSize     string                       `yaml:"shm_size"`
	Tmpfs       []string                     `yaml:"tmpfs"`
	PullPolicy  string                       `yaml:"pull_policy"`
	Profiles    []string                     `yaml:"profiles"`
	Restart     string                       `yaml:"restart"`
	Grace       time.Duration                `yaml:"stop_grace_period"`
	ReadOnly    bool                         `yaml:"read_only"`
	CapDrop     []string                     `yaml:"cap_drop"`
	SecurityOpt []string                     `yaml:"security_opt"`
	PidsLimit   int                          `yaml:"pids_limit"`
	MemLimit    string                       `yaml:"mem_limit"`
	Logging     map[string]string            `yaml:"logging"`
	DependsOn   map[string]map[string]string `yaml:"depends_on"`
	Entrypoint  []string                     `yaml:"entrypoint"`
	Environment map[string]string            `yaml:"environment"`
	Ports       []string                     `yaml:"ports"`
	Networks    map[string]struct {
		Aliases []string `yaml:"aliases"`
	} `yaml:"networks"`
	Volumes []string `yaml:"volumes"`
	Deploy  struct {
		Replicas int `yaml:"replicas"`
	} `yaml:"deploy"`
	Healthcheck struct {
		Test        []string      `yaml:"test"`
		Interval    time.Duration `yaml:"interval"`
		Timeout     time.Duration `yaml:"timeout"`
		Retries     int           `yaml:"retries"`
		StartPeriod time.Duration `yaml:"start_period"`
	} `yaml:"healthcheck"`
}

func readCompose(t *testing.T) compose {
	t.Helper()
	var c compose
	readYAML(t, "deploy/compose.yaml", &c)
	return c
}

// services are the programs that `up` starts.
func services() []string { return []string{"marketplace", "recommendations"} }

// beside returns the service of each profile that runs a program of others.
func beside() map[string]string {
	return map[string]string{"postgres": "postgres", "prometheus": "observability", "jaeger": "observability", "grafana": "grafana"}
}

// unset returns a file with the values that variables have if they are not set.
func unset(t *testing.T, file string) any {
	t.Helper()
	return unmarshal(t, file, regexp.MustCompile(`\$\{[A-Z_]+:-([^}]*)\}`).ReplaceAll(read(t, file), []byte("$1")))
}

// help returns the output of a program's --help, which the program's own test keeps up
// to date.
func help(t *testing.T, program string) string {
	t.Helper()
	return string(read(t, "docs/config/"+program+".txt"))
}

// standard returns the default value of a flag.
func standard(t *testing.T, program, flag string) string {
	t.Helper()
	m := regexp.MustCompile(`--` + flag + `="?([^\s"]+)"?\s`).FindStringSubmatch(help(t, program))
	if m == nil {
		t.Fatalf("%s has no flag --%s with a default", program, flag)
	}
	return m[1]
}

func standardDuration(t *testing.T, program, flag string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(standard(t, program, flag))
	if err != nil {
		t.Fatalf("%s --%s: %v", program, flag, err)
	}
	return d
}

func TestComposeIsValid(t *testing.T) {
	for _, version := range []string{"v2", "1.29"} {
		schema := readSchema(t, "compose-"+version+".json")
		if err := schema.Validate(unset(t, "deploy/compose.tls.yaml")); err != nil {
			t.Errorf("deploy/compose.tls.yaml is not valid for Compose %s: %v", version, err)
		}
		file := unset(t, "deploy/compose.yaml")
		if err := schema.Validate(file); err != nil {
			t.Errorf("deploy/compose.yaml is not valid for Compose %s: %v", version, err)
		}
		service := value(file, "services.marketplace").(map[string]any)
		service["replicas"] = 3
		if err := schema.Validate(file); err == nil {
			t.Errorf("the schema of Compose %s accepts an unknown key: this test proves nothing", version)
		}
	}
}

// TestComposeAvoidsWhatIsRefused checks rules of Compose that the schemas do not express.
func TestComposeAvoidsWhatIsRefused(t *testing.T) {
	file := readAny(t, "deploy/compose.yaml")
	for name := range readCompose(t).Services {
		// Compose v2 refuses these beside pids_limit and replicas.
		for _, path := range []string{"deploy.resources", "scale"} {
			if value(file, "services."+name+"."+path) != nil {
				t.Errorf("%s has %s", name, path)
			}
		}
		// Containers cannot share a name.
		for _, key := range []string{"container_name", "hostname"} {
			if value(file, "services."+name+"."+key) != nil {
				t.Errorf("%s has a %s: it cannot be scaled", name, key)
			}
		}
	}
}

// TestComposeWithTLS: each program has the files of its own that the service certs makes, and
// that service is as confined as the others.
func TestComposeWithTLS(t *testing.T) {
	var c compose
	readYAML(t, "deploy/compose.tls.yaml", &c)
	for _, name := range services() {
		s := c.Services[name]
		for variable, file := range map[string]string{"CERT_FILE": "tls.crt", "KEY_FILE": "tls.key", "CA_FILE": "ca.crt"} {
			if got, want := s.Environment[strings.ToUpper(name)+"_TLS_"+variable], "/certs/"+name+"/"+file; got != want {
				t.Errorf("%s: %s is %q, want %q", name, variable, got, want)
			}
		}
		if !slices.Equal(s.Volumes, []string{"certs:/certs:ro"}) {
			t.Errorf("%s: volumes %v", name, s.Volumes)
		}
	}
	certs, other := c.Services["certs"], readCompose(t).Services["recommendations"]
	if !certs.ReadOnly || !slices.Equal(certs.CapDrop, other.CapDrop) || !slices.Equal(certs.SecurityOpt, other.SecurityOpt) || certs.PidsLimit != other.PidsLimit {
		t.Errorf("certs is not confined: %+v", certs)
	}
	if !slices.Contains(certs.Entrypoint, "--recommendations=recommendations") {
		t.Errorf("certs %v: the shop's target is recommendations.", certs.Entrypoint)
	}
}

func TestComposeRunsWhatIsBuilt(t *testing.T) {
	c := readCompose(t)
	if got, want := slices.Sorted(maps.Keys(c.Services)), slices.Sorted(slices.Values(slices.Concat(services(), []string{"load"}, slices.Collect(maps.Keys(beside()))))); !slices.Equal(got, want) {
		t.Fatalf("services %v, want %v", got, want)
	}
	built := map[string]bool{}
	for _, b := range readKo(t).Builds {
		built[b.ID] = true
	}
	var tls compose
	readYAML(t, "deploy/compose.tls.yaml", &tls)
	c.Services["certs"] = tls.Services["certs"]
	for name, s := range c.Services {
		if beside()[name] != "" {
			continue
		}
		if !built[name] || s.Image != "${BOOKSTALL_REGISTRY:-bookstall}/"+name+":${BOOKSTALL_TAG:-dev}" {
			t.Errorf("%s runs image %s", name, s.Image)
		}
		if s.PullPolicy != "${BOOKSTALL_PULL:-never}" {
			t.Errorf("%s may be pulled: in a registry the name may belong to anyone", name)
		}
		b := s.Build
		context := filepath.Join(root, "deploy", b.Context)
		if _, err := os.Stat(filepath.Join(context, b.Dockerfile)); err != nil {
			t.Errorf("%s is built by %v", name, err)
		}
		if b.Args["SERVICE"] != name || len(b.Args) != 1 {
			t.Errorf("%s is built with %v", name, b.Args)
		}
		for _, i := range dockerfile(t) {
			if i.name == "COPY" && !strings.HasPrefix(i.args, "--from=") {
				source, _, _ := strings.Cut(i.args, " ")
				if _, err := os.Stat(filepath.Join(context, source)); err != nil {
					t.Errorf("%s: the context lacks %v", name, err)
				}
			}
		}
	}
}

// TestComposeProfiles checks what runs with a profile alone, and that its images have a
// version and its ports are not for others.
func TestComposeProfiles(t *testing.T) {
	c := readCompose(t)
	for name, profile := range beside() {
		s := c.Services[name]
		if !slices.Equal(s.Profiles, []string{profile}) || s.PullPolicy != "if_not_present" || s.MemLimit == "" {
			t.Errorf("%s: profiles %v, pull policy %s, memory %s", name, s.Profiles, s.PullPolicy, s.MemLimit)
		}
		if !regexp.MustCompile(`:v?\d+\.\d+[^:]*$`).MatchString(s.Image) {
			t.Errorf("%s runs %s, want a version", name, s.Image)
		}
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s publishes %s", name, p)
			}
		}
		for _, v := range s.Volumes {
			source, _, _ := strings.Cut(v, ":")
			if _, named := c.Volumes[source]; named {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, "deploy", source)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	values := readAny(t, "helm/bookstall/values.yaml")
	if got, want := c.Services["postgres"].Image, fmt.Sprintf("%v:%v", value(values, "postgresql.image.repository"), value(values, "postgresql.image.tag")); got != want {
		t.Errorf("postgres runs %s, in the chart %s", got, want)
	}
	var prometheus struct {
		Scrape []struct {
			DNS []struct {
				Names []string `yaml:"names"`
				Port  int      `yaml:"port"`
			} `yaml:"dns_sd_configs"`
		} `yaml:"scrape_configs"`
	}
	if err := yaml.Unmarshal(read(t, "deploy/prometheus.yaml"), &prometheus); err != nil {
		t.Fatal(err)
	}
	_, admin, _ := strings.Cut(standard(t, "recommendations", "admin-address"), ":")
	if s := prometheus.Scrape; len(s) != 1 || len(s[0].DNS) != 1 || !slices.Equal(s[0].DNS[0].Names, services()) || strconv.Itoa(s[0].DNS[0].Port) != admin {
		t.Errorf("deploy/prometheus.yaml scrapes %+v, want %v at port %s", s, services(), admin)
	}
}

func TestComposeSetsWhatProgramsKnow(t *testing.T) {
	c := readCompose(t)
	for _, name := range services() {
		for variable := range c.Services[name].Environment {
			ours := strings.Contains(help(t, name), "($"+variable+")")
			if !ours && !bytes.Contains(read(t, "docs/opentelemetry.md"), []byte("`"+variable+"`")) {
				t.Errorf("%s does not know the variable %s", name, variable)
			}
		}
	}
	loadFlags := string(read(t, "deploy/load/settings.go"))
	for variable := range c.Services["load"].Environment {
		if !strings.Contains(loadFlags, `"`+variable+`"`) {
			t.Errorf("load does not know the variable %s", variable)
		}
	}

	// Ports and names.
	_, grpc, _ := strings.Cut(standard(t, "recommendations", "grpc-address"), ":")
	_, admin, _ := strings.Cut(standard(t, "recommendations", "admin-address"), ":")
	_, http, _ := strings.Cut(standard(t, "marketplace", "http-address"), ":")
	if got, want := c.Services["marketplace"].Environment["MARKETPLACE_RECOMMENDATIONS_TARGET"], "dns:///recommendations.:"+grpc; got != want {
		t.Errorf("marketplace calls %s, want %s", got, want)
	}
	if got, want := c.Services["marketplace"].Ports, []string{"127.0.0.1:${BOOKSTALL_PORT:-8080}:" + http}; !slices.Equal(got, want) {
		t.Errorf("marketplace publishes %v, want %v", got, want)
	}
	if n := len(c.Services["recommendations"].Ports); n > 0 {
		t.Errorf("recommendations publishes %d ports: it cannot be scaled", n)
	}
	entrypoint := c.Services["load"].Entrypoint
	if want := []string{"/ko-app/load", "-shop", "http://shop.bookstall.internal:" + http, "-replicas-dns", "recommendations:" + admin}; !slices.Equal(entrypoint, want) {
		t.Errorf("load starts %v, want %v", entrypoint, want)
	}
	for _, argument := range entrypoint {
		if flag, ok := strings.CutPrefix(argument, "-"); ok && !strings.Contains(loadFlags, `"`+flag+`"`) {
			t.Errorf("load has no flag -%s", flag)
		}
	}
}

func TestComposeStartsAndStopsInOrder(t *testing.T) {
	c := readCompose(t)
	for _, name := range services() {
		s := c.Services[name]
		if drain := standardDuration(t, name, "drain-delay") + standardDuration(t, name, "drain-timeout"); s.Grace <= drain {
			t.Errorf("%s is killed after %v, but drains for up to %v", name, s.Grace, drain)
		}
		if want := []string{"CMD", "/ko-app/" + name, "healthcheck"}; !slices.Equal(s.Healthcheck.Test, want) {
			t.Errorf("%s is checked by %v, want %v", name, s.Healthcheck.Test, want)
		}
		_, check, ok := strings.Cut(help(t, name), "$ "+name+" healthcheck --help")
		m := regexp.MustCompile(`--timeout=(\S+)`).FindStringSubmatch(check)
		if !ok || m == nil {
			t.Fatalf("%s has no command healthcheck with a timeout", name)
		}
		if d, err := time.ParseDuration(m[1]); err != nil || s.Healthcheck.Timeout <= d {
			t.Errorf("the health check of %s is killed after %v, before it reports its own timeout of %s", name, s.Healthcheck.Timeout, m[1])
		}
		if s.Restart != "unless-stopped" || len(s.Profiles) > 0 {
			t.Errorf("%s: restart %q, profiles %v", name, s.Restart, s.Profiles)
		}
		for other, how := range s.DependsOn {
			if _, ok := c.Services[other]; !ok || how["condition"] != "service_healthy" {
				t.Errorf("%s waits for %s %v", name, other, how)
			}
		}
	}
	if n := c.Services["recommendations"].Deploy.Replicas; n != 3 {
		t.Errorf("%d replicas of recommendations, want 3", n)
	}
	if s := c.Services["load"]; len(s.Profiles) == 0 || s.Restart != "no" {
		t.Errorf("load: profiles %v, restart %q: it would run with the shop", s.Profiles, s.Restart)
	}
}

func TestComposeRestrictsContainers(t *testing.T) {
	c := readCompose(t)
	for name, s := range c.Services {
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) || s.PidsLimit == 0 {
			t.Errorf("%s may do more than it needs: %+v", name, s)
		}
	}
	// The same memory limit as on Kubernetes.
	values := readAny(t, "helm/bookstall/values.yaml")
	for _, name := range services() {
		limit, _ := value(values, name+".resources.limits.memory").(string)
		if got := c.Services[name].MemLimit; strings.TrimSuffix(limit, "i") != strings.ToUpper(got) {
			t.Errorf("%s has a memory limit of %q, in the chart %q", name, got, limit)
		}
	}
}

// TestComposeKeepsTheStore checks that the store is a file on a named volume, in the
// folder that images have for it.
func TestComposeKeepsTheStore(t *testing.T) {
	c := readCompose(t)
	s := c.Services["recommendations"]
	if got, want := s.Volumes, []string{"library:/data"}; !slices.Equal(got, want) {
		t.Errorf("volumes %v, want %v", got, want)
	}
	if got, want := slices.Sorted(maps.Keys(c.Volumes)), []string{"database", "library", "metrics"}; !slices.Equal(got, want) {
		t.Errorf("the file's volumes are %v", c.Volumes)
	}
	if got, want := s.Environment["RECOMMENDATIONS_STORE"], "${RECOMMENDATIONS_STORE:-sqlite:/data/bookstall.db}"; got != want {
		t.Errorf("the store is %s, want %s", got, want)
	}
	made, owned := false, false
	for _, i := range dockerfile(t) {
		made = made || i.name == "RUN" && strings.Contains(i.args, "install -d /owned/data")
		owned = owned || i.name == "COPY" && i.args == "--from=build --chown=65532:65532 /owned/ /"
	}
	if !made || !owned {
		t.Errorf("deploy/Dockerfile makes /data: %v, for the user: %v", made, owned)
	}
}

// TestComposeIsDescribed checks that docs/compose.md describes each variable that
// compose.yaml reads from the host.
func TestComposeIsDescribed(t *testing.T) {
	text := read(t, "docs/compose.md")
	for _, m := range regexp.MustCompile(`\$\{([A-Z_]+)`).FindAllSubmatch(read(t, "deploy/compose.yaml"), -1) {
		if !bytes.Contains(text, m[1]) {
			t.Errorf("docs/compose.md does not mention %s", m[1])
		}
	}
}
