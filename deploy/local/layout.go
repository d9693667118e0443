package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"bookstall/internal/pki"
)

// ownName is the prefix of the runner's own log lines.
const ownName = "bookstall"

// mostReplicas is far more than a machine has cores for.
const mostReplicas = 20

// layout is the addresses and directories of the shop. make run uses the standard
// layout; tests have their own.
type layout struct {
	bin   string // directory of the binaries
	state string // directory of the store, the cookie key and the copy of the catalogue

	shop, shopAdmin string
	dns             string
	dnsName         string // name that the DNS server resolves to the replicas
	replicas        []replica
	only            replica // replaces replicas on a machine without their addresses

	// certLife is how long a certificate is valid. 0 means plaintext.
	certLife time.Duration

	// prometheus is the program of a Prometheus to run beside the shop; "" for none. It listens
	// on prometheusAddr and has the file of rules.
	prometheus, prometheusAddr, rules string

	// traces is the address of the page with the last traces, otlp where programs export them to;
	// both "" for none.
	traces, otlp string

	// tutorialPort is the port of the tutorial's REST example on each replica. If
	// empty, there is no tutorial.
	tutorialPort string
}

// replica is one process of recommendations. All replicas have the same gRPC port,
// because an A record has no port.
type replica struct {
	name, grpc, admin string
}

// ports are those that other programs often have, so that the user can choose others.
type ports struct{ shop, admin int }

func standardPorts() ports { return ports{shop: 8080, admin: 9090} }

func (p ports) check() error {
	if p.shop < 1 || p.shop > 65535 {
		return fmt.Errorf("-port is %d, want 1 to 65535", p.shop)
	}
	if p.admin < 1 || p.admin > 65534 { // one more, where the replica shares the shop's address
		return fmt.Errorf("-admin-port is %d, want 1 to 65534", p.admin)
	}
	return nil
}

func standardLayout(bin string, replicas int, p ports) layout {
	l := layout{
		bin:       bin,
		state:     ".run",
		shop:      fmt.Sprintf("127.0.0.1:%d", p.shop),
		shopAdmin: fmt.Sprintf("127.0.0.1:%d", p.admin),
		dns:       "127.0.0.1:5353",
		dnsName:   "recommendations.bookstall.test.",
		// The port of marketplace is in use on this address.
		only: replica{name: "replica-1", grpc: "127.0.0.1:50051", admin: fmt.Sprintf("127.0.0.1:%d", p.admin+1)},

		prometheusAddr: "127.0.0.1:9099",
		rules:          "helm/bookstall/rules/alerts.yaml",

		tutorialPort: "8081",
	}
	for i := 1; i <= replicas; i++ {
		ip := fmt.Sprintf("127.0.0.%d", i+1)
		l.replicas = append(l.replicas, replica{
			name:  fmt.Sprintf("replica-%d", i),
			grpc:  ip + ":50051",
			admin: fmt.Sprintf("%s:%d", ip, p.admin),
		})
	}
	return l
}

// names returns the names of everything that writes to the output.
func (l layout) names() []string {
	names := []string{ownName, "marketplace"}
	for _, r := range l.replicas {
		names = append(names, r.name)
	}
	if l.prometheus != "" {
		names = append(names, prometheusName)
	}
	return names
}

// target returns the gRPC target that marketplace dials.
func (l layout) target() (string, error) {
	_, port, err := net.SplitHostPort(l.replicas[0].grpc)
	if err != nil {
		return "", fmt.Errorf("address of %s: %w", l.replicas[0].name, err)
	}
	return fmt.Sprintf("dns://%s/%s:%s", l.dns, l.dnsName, port), nil
}

// standardLife is the life of a certificate with make run TLS=1: half of it is short enough to
// see a renewal.
const standardLife = 20 * time.Minute

// healthPort is the port for checks in plaintext of a replica with TLS.
const healthPort = "50052"

// health returns the address where the health of a replica is served in plaintext.
func (l layout) health(r replica) string {
	host, _, err := net.SplitHostPort(r.grpc)
	if err != nil || l.certLife == 0 {
		return r.grpc
	}
	return net.JoinHostPort(host, healthPort)
}

// certs returns the certificates of both programs.
func (l layout) certs() pki.Folder {
	domain := strings.TrimSuffix(strings.TrimPrefix(l.dnsName, "recommendations."), ".")
	return pki.Folder{
		Path: filepath.Join(l.state, "certs"), Programs: pki.Programs(domain),
		Life: l.certLife, CALife: 10 * 365 * 24 * time.Hour,
	}
}

// tlsEnv returns the variables of a program with TLS.
func (l layout) tlsEnv(name, prefix string) []string {
	if l.certLife == 0 {
		return nil
	}
	cert, key, ca := l.certs().Files(name)
	return []string{prefix + "_TLS_CERT_FILE=" + cert, prefix + "_TLS_KEY_FILE=" + key, prefix + "_TLS_CA_FILE=" + ca}
}

// Addresses of make observe.
const (
	standardOTLP   = "127.0.0.1:4317"
	standardTraces = "127.0.0.1:9098"
)

// tracesEnv returns the variables of a program whose traces are shown here, soon after they are
// made.
func (l layout) tracesEnv() []string {
	if l.traces == "" {
		return nil
	}
	return []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + l.otlp, "OTEL_BSP_SCHEDULE_DELAY=500"}
}

// tracesGoElsewhere reports whether the user's variables say where traces go.
func tracesGoElsewhere() bool {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED"} {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return false
}

func (l layout) keyFile() string { return filepath.Join(l.state, "cookie.key") }

func (l layout) marketplaceProgram() (program, error) {
	target, err := l.target()
	if err != nil {
		return program{}, err
	}
	env := []string{
		"MARKETPLACE_NAME=marketplace",
		"MARKETPLACE_HTTP_ADDRESS=" + l.shop,
		"MARKETPLACE_ADMIN_ADDRESS=" + l.shopAdmin,
		"MARKETPLACE_RECOMMENDATIONS_TARGET=" + target,
		"MARKETPLACE_CATALOG_FILE=" + filepath.Join(l.state, "catalog.json"),
		"MARKETPLACE_DRAIN_DELAY=0s",
		"MARKETPLACE_DRAIN_TIMEOUT=2s",
	}
	if os.Getenv("MARKETPLACE_PUBLIC_URL") == "" {
		env = append(env, "MARKETPLACE_PUBLIC_URL=http://"+l.shop) // so that it answers to no other host
	}
	if os.Getenv("MARKETPLACE_API_OPEN") == "" {
		env = append(env, "MARKETPLACE_API_OPEN=true") // unless the user sets a token
	}
	if os.Getenv("MARKETPLACE_BALANCE") == "" {
		env = append(env, "MARKETPLACE_BALANCE=true")
	}
	if l.tutorialPort != "" && os.Getenv("MARKETPLACE_TUTORIAL") == "" {
		env = append(env, "MARKETPLACE_TUTORIAL=true")
	}
	if os.Getenv("MARKETPLACE_COOKIE_KEY") == "" { // the user's own key takes precedence
		env = append(env, "MARKETPLACE_COOKIE_KEY_FILE="+l.keyFile())
	}
	env = append(env, l.tlsEnv("marketplace", "MARKETPLACE")...)
	env = append(env, l.tracesEnv()...)
	return program{
		name:    "marketplace",
		path:    filepath.Join(l.bin, "marketplace"),
		address: "http://" + l.shop,
		admin:   "http://" + l.shopAdmin,
		env:     env,
	}, nil
}

// tutorialREST returns the address of the tutorial's REST example on a replica, or
// "".
func (l layout) tutorialREST(r replica) string {
	host, _, err := net.SplitHostPort(r.grpc)
	if err != nil || l.tutorialPort == "" {
		return ""
	}
	return net.JoinHostPort(host, l.tutorialPort)
}

func (l layout) storeFile() string { return filepath.Join(l.state, "bookstall.db") }

func (l layout) replicaProgram(r replica) program {
	env := []string{
		"RECOMMENDATIONS_GRPC_ADDRESS=" + r.grpc,
		"RECOMMENDATIONS_ADMIN_ADDRESS=" + r.admin,
		"RECOMMENDATIONS_NAME=" + r.name + " (pid {pid})", // for the balance page
		"RECOMMENDATIONS_DRAIN_DELAY=500ms",
		"RECOMMENDATIONS_DRAIN_TIMEOUT=2s",
	}
	if rest := l.tutorialREST(r); rest != "" && os.Getenv("RECOMMENDATIONS_TUTORIAL") == "" {
		env = append(env, "RECOMMENDATIONS_TUTORIAL=true", "RECOMMENDATIONS_TUTORIAL_REST_ADDRESS="+rest)
	}
	if os.Getenv("RECOMMENDATIONS_STORE") == "" { // the user's own store takes precedence
		env = append(env, "RECOMMENDATIONS_STORE=sqlite:"+l.storeFile())
	}
	if l.certLife > 0 {
		env = append(env, l.tlsEnv("recommendations", "RECOMMENDATIONS")...)
		env = append(env, "RECOMMENDATIONS_HEALTH_ADDRESS="+l.health(r))
	}
	env = append(env, l.tracesEnv()...)
	return program{
		name:    r.name,
		path:    filepath.Join(l.bin, "recommendations"),
		address: r.grpc,
		admin:   "http://" + r.admin,
		env:     env,
	}
}
