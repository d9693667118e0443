package main

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTakenAddressesAreAllNamed(t *testing.T) {
	l := testLayout(t)
	for _, addr := range []string{l.shop, l.dns, l.replicas[1].grpc} {
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
	}
	var stdout, stderr console
	if code := runLayout(t.Context(), l, &stdout, &stderr); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	want := []string{
		l.shop + " (shop) is used by another process; stop it, or take another port: make run PORT=N",
		l.dns + " (DNS) is used by another process; stop it and start again",
		l.replicas[1].grpc + " (replica-2 gRPC) is used by another process; stop it and start again",
	}
	if d := cmp.Diff(want, stderr.lines()); d != "" {
		t.Errorf("message (-want +got):\n%s", d)
	}
	if stdout.text() != "" {
		t.Errorf("something was started:\n%s", stdout.text())
	}
}

func TestOneReplicaWhereAddressesDoNotExist(t *testing.T) {
	l := testLayout(t)
	l.replicas[1].grpc, l.replicas[1].admin = "192.0.2.1:50051", "192.0.2.1:9090" // an address for documentation (RFC 5737)
	got, note, err := checkAddresses(l)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.replicas) != 1 || got.replicas[0] != l.only {
		t.Errorf("replicas: %v, want %v alone", got.replicas, l.only)
	}
	lines := strings.Split(note, "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "this machine has no address 192.0.2.1, so only one replica runs, on 127.0.0.1.") || !strings.Contains(lines[1], "for ip in 192.0.2.1; do") {
		t.Errorf("note, want three lines about 192.0.2.1, got\n%s", note)
	}

	// An address in use is named in that case too.
	ln, err := net.Listen("tcp", l.only.grpc)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if _, _, err := checkAddresses(l); err == nil || !strings.Contains(err.Error(), l.only.grpc+" (replica-1 gRPC) is used") {
		t.Errorf("checkAddresses: %v, want the used address of replica-1", err)
	}
}

// Who has another program on a port learns how to take another one.
func TestPortThatIsInUse(t *testing.T) {
	l := testLayout(t)
	for option, addr := range map[string]string{"PORT": l.shop, "ADMIN_PORT": l.replicas[0].admin} {
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := checkAddresses(l); err == nil || !strings.Contains(err.Error(), addr) || !strings.Contains(err.Error(), "make run "+option+"=N") {
			t.Errorf("checkAddresses: %v, want %s, and %s", err, addr, option)
		}
		ln.Close()
	}
}

func TestPortThatIsWantedTwice(t *testing.T) {
	l := testLayout(t)
	l.shopAdmin = l.shop
	if _, _, err := checkAddresses(l); err == nil || !strings.Contains(err.Error(), l.shop+" is wanted for shop and for marketplace admin") {
		t.Errorf("checkAddresses: %v, want both uses", err)
	}
	l = testLayout(t)
	l.shop = l.replicas[0].grpc // as where one replica has the address of the shop
	if _, _, err := checkAddresses(l); err == nil || !strings.Contains(err.Error(), l.shop+" is wanted for replica-1 gRPC and for shop") {
		t.Errorf("checkAddresses: %v, want both uses", err)
	}
}

func TestOtherPorts(t *testing.T) {
	l := standardLayout("bin", 2, ports{shop: 8081, admin: 9190})
	if l.shop != "127.0.0.1:8081" || l.shopAdmin != "127.0.0.1:9190" || l.replicas[1].admin != "127.0.0.3:9190" || l.only.admin != "127.0.0.1:9191" {
		t.Errorf("%+v", l)
	}
	for args, want := range map[string]string{"-port=0": "-port is 0, want 1 to 65535", "-admin-port=65535": "-admin-port is 65535, want 1 to 65534"} {
		var stderr strings.Builder
		if status := run(t.Context(), []string{args}, io.Discard, &stderr); status != 2 || !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: status %d, %q, want %q", args, status, stderr.String(), want)
		}
	}
}

func TestAddressThatIsNone(t *testing.T) {
	l := testLayout(t)
	l.shop = "192.0.2.1:8080"
	l.shopAdmin = "127.0.0.1:70000"
	_, note, err := checkAddresses(l)
	if err == nil || note != "" ||
		!strings.Contains(err.Error(), "192.0.2.1 is not an address of this machine") ||
		!strings.Contains(err.Error(), "127.0.0.1:70000 (marketplace admin) cannot be bound") {
		t.Errorf("checkAddresses: note %q, error %v; want no note, and both addresses in the error", note, err)
	}
}

func TestStandardLayoutIsTheContract(t *testing.T) {
	l := standardLayout("bin", 3, standardPorts())
	p, err := l.marketplaceProgram()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"MARKETPLACE_NAME=marketplace",
		"MARKETPLACE_HTTP_ADDRESS=127.0.0.1:8080",
		"MARKETPLACE_ADMIN_ADDRESS=127.0.0.1:9090",
		"MARKETPLACE_RECOMMENDATIONS_TARGET=dns://127.0.0.1:5353/recommendations.bookstall.test.:50051",
		"MARKETPLACE_CATALOG_FILE=.run/catalog.json",
		"MARKETPLACE_DRAIN_DELAY=0s",
		"MARKETPLACE_DRAIN_TIMEOUT=2s",
		"MARKETPLACE_PUBLIC_URL=http://127.0.0.1:8080",
		"MARKETPLACE_API_OPEN=true",
		"MARKETPLACE_BALANCE=true",
		"MARKETPLACE_TUTORIAL=true",
		"MARKETPLACE_COOKIE_KEY_FILE=.run/cookie.key",
	}
	if d := cmp.Diff(want, p.env); d != "" {
		t.Errorf("marketplace (-want +got):\n%s", d)
	}
	want = []string{
		"RECOMMENDATIONS_GRPC_ADDRESS=127.0.0.4:50051",
		"RECOMMENDATIONS_ADMIN_ADDRESS=127.0.0.4:9090",
		"RECOMMENDATIONS_NAME=replica-3 (pid {pid})",
		"RECOMMENDATIONS_DRAIN_DELAY=500ms",
		"RECOMMENDATIONS_DRAIN_TIMEOUT=2s",
		"RECOMMENDATIONS_TUTORIAL=true",
		"RECOMMENDATIONS_TUTORIAL_REST_ADDRESS=127.0.0.4:8081",
		"RECOMMENDATIONS_STORE=sqlite:.run/bookstall.db",
	}
	if d := cmp.Diff(want, l.replicaProgram(l.replicas[2]).env); d != "" {
		t.Errorf("replica-3 (-want +got):\n%s", d)
	}
	if len(l.replicas) != 3 {
		t.Errorf("%d replicas, want 3", len(l.replicas))
	}
	if five := standardLayout("bin", 5, standardPorts()).replicas; len(five) != 5 || five[4] != (replica{"replica-5", "127.0.0.6:50051", "127.0.0.6:9090"}) {
		t.Errorf("with five replicas: %v", five)
	}
}

func TestTLS(t *testing.T) {
	l := standardLayout("bin", 3, standardPorts())
	l.state, l.certLife = t.TempDir(), standardLife
	for range 2 { // the second run has the CA of the first
		if err := ensureCerts(l); err != nil {
			t.Fatal(err)
		}
	}
	shop, err := l.marketplaceProgram()
	if err != nil {
		t.Fatal(err)
	}
	env := slices.Concat(shop.env, l.replicaProgram(l.replicas[0]).env)
	for _, name := range []string{"TLS_CERT_FILE", "TLS_KEY_FILE", "TLS_CA_FILE"} {
		for _, program := range []string{"marketplace", "recommendations"} {
			want := strings.ToUpper(program) + "_" + name + "=" + filepath.Join(l.state, "certs", program) + "/"
			at := slices.IndexFunc(env, func(s string) bool { return strings.HasPrefix(s, want) })
			if at < 0 {
				t.Errorf("no %s in %q", want, env)
				continue
			}
			if _, err := os.Stat(strings.TrimPrefix(env[at], strings.ToUpper(program)+"_"+name+"=")); err != nil {
				t.Error(err)
			}
		}
	}
	if !slices.Contains(env, "RECOMMENDATIONS_HEALTH_ADDRESS=127.0.0.2:50052") {
		t.Errorf("no health address in %q", env)
	}
	names, err := l.certs().Names("recommendations")
	if err != nil || !slices.Contains(names, "recommendations.bookstall.test") {
		t.Errorf("names %q, %v: the shop wants the host of its target", names, err)
	}
}

func TestCookieKeyIsMadeOnce(t *testing.T) {
	l := layout{state: filepath.Join(t.TempDir(), "state")}
	if err := ensureKey(l); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(l.keyFile())
	if err != nil || !regexp.MustCompile(`^[0-9a-f]{64}$`).Match(first) {
		t.Fatalf("key %q, %v; want 64 hexadecimal digits", first, err)
	}
	for path, want := range map[string]os.FileMode{l.state: 0o700, l.keyFile(): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want mode %o", path, info, err, want)
		}
	}
	if err := ensureKey(l); err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(l.keyFile())
	if err != nil || string(second) != string(first) {
		t.Errorf("second key %q, %v; want the first, %q", second, err, first)
	}
	if files, _ := os.ReadDir(l.state); len(files) != 1 {
		t.Errorf("%d files in the state directory, want the key alone", len(files))
	}
}

func TestMissingBinariesAreAllNamed(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "marketplace"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := prepare(layout{bin: dir})
	if err == nil || !strings.Contains(err.Error(), "marketplace is not a program") ||
		!strings.Contains(err.Error(), "recommendations does not exist; run make build") {
		t.Errorf("prepare: %v, want an error about both binaries", err)
	}
}
