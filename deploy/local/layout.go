package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// own is the name before the runner's own lines.
const own = "bookstall"

// layout says where everything is: the standard one is the contract of make
// run, tests have others.
type layout struct {
	bin   string // directory of the binaries
	state string // directory of what marketplace keeps

	shop, shopAdmin string
	dns             string
	dnsName         string // what the DNS server answers for
	replicas        []replica
	only            replica // instead of those, where their addresses do not exist

	// tutorialPort is where replicas answer the tutorials' example over REST; ""
	// for no examples.
	tutorialPort string
}

// replica is one process of recommendations. A records have no ports, so all
// replicas have the same gRPC port.
type replica struct {
	name, grpc, admin string
}

func standardLayout(bin string) layout {
	l := layout{
		bin:       bin,
		state:     ".run",
		shop:      "127.0.0.1:8080",
		shopAdmin: "127.0.0.1:9090",
		dns:       "127.0.0.1:5353",
		dnsName:   "recommendations.bookstall.test.",
		// Not admin port 9090, which is marketplace's at this address.
		only: replica{name: "replica-1", grpc: "127.0.0.1:50051", admin: "127.0.0.1:9091"},

		tutorialPort: "8081",
	}
	for i := 1; i <= 3; i++ {
		ip := fmt.Sprintf("127.0.0.%d", i+1)
		l.replicas = append(l.replicas, replica{
			name:  fmt.Sprintf("replica-%d", i),
			grpc:  ip + ":50051",
			admin: ip + ":9090",
		})
	}
	return l
}

// names are all that write to the output.
func (l layout) names() []string {
	names := []string{own, "marketplace"}
	for _, r := range l.replicas {
		names = append(names, r.name)
	}
	return names
}

// replicaList is the replicas and their addresses, for the reader.
func (l layout) replicaList() string {
	var list []string
	for _, r := range l.replicas {
		list = append(list, r.name+" "+r.grpc)
	}
	return strings.Join(list, ", ")
}

// target is what marketplace dials.
func (l layout) target() (string, error) {
	_, port, err := net.SplitHostPort(l.replicas[0].grpc)
	if err != nil {
		return "", fmt.Errorf("address of %s: %w", l.replicas[0].name, err)
	}
	return fmt.Sprintf("dns://%s/%s:%s", l.dns, l.dnsName, port), nil
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
	if os.Getenv("MARKETPLACE_BALANCE") == "" {
		env = append(env, "MARKETPLACE_BALANCE=true")
	}
	if l.tutorialPort != "" && os.Getenv("MARKETPLACE_TUTORIAL") == "" {
		env = append(env, "MARKETPLACE_TUTORIAL=true")
	}
	if os.Getenv("MARKETPLACE_COOKIE_KEY") == "" { // the user's own key wins
		env = append(env, "MARKETPLACE_COOKIE_KEY_FILE="+l.keyFile())
	}
	return program{
		name:  "marketplace",
		path:  filepath.Join(l.bin, "marketplace"),
		where: fmt.Sprintf("HTTP %s, admin %s", l.shop, l.shopAdmin),
		env:   env,
	}, nil
}

// tutorialREST is where a replica answers the tutorials' example over REST, "" for
// nowhere.
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
		"RECOMMENDATIONS_NAME=" + r.name,
		"RECOMMENDATIONS_DRAIN_DELAY=500ms",
		"RECOMMENDATIONS_DRAIN_TIMEOUT=2s",
	}
	if rest := l.tutorialREST(r); rest != "" && os.Getenv("RECOMMENDATIONS_TUTORIAL") == "" {
		env = append(env, "RECOMMENDATIONS_TUTORIAL=true", "RECOMMENDATIONS_TUTORIAL_REST_ADDRESS="+rest)
	}
	if os.Getenv("RECOMMENDATIONS_STORE") == "" { // the user's own store wins
		env = append(env, "RECOMMENDATIONS_STORE=sqlite:"+l.storeFile())
	}
	return program{
		name:  r.name,
		path:  filepath.Join(l.bin, "recommendations"),
		where: fmt.Sprintf("gRPC %s, admin %s", r.grpc, r.admin),
		env:   env,
	}
}
