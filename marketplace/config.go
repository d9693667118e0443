package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"bookstall/internal/config"
	"bookstall/internal/rpc"
	"bookstall/internal/telemetry"
)

// commands are the program's commands, for kong.
type commands struct {
	Serve       settings    `cmd:"" default:"withargs" help:"Serve the shop; what happens without a command."`
	Healthcheck healthcheck `cmd:"" help:"Ask a shop on this host whether it is ready; the exit status is 0 if it is, else 1."`
	Check       check       `cmd:"" help:"Ask a shop for its front page and recommendations, and count which replicas answer; the exit status is 0 if all is well, else 1."`
}

// settings are all that can be set, by flag or by MARKETPLACE_… variable.
type settings struct {
	HTTPAddress  string `name:"http-address" help:"host:port that the shop is served on." default:":8080"`
	AdminAddress string `help:"host:port of health, metrics and build information for operators." default:":9090"`
	Name         string `help:"Name of this replica in logs and traces; the host name if empty."`

	RecommendationsTarget  string        `help:"Where recommendations is: dns:///NAME:PORT or dns://SERVER/NAME:PORT, the name best with a dot at its end." default:"dns:///recommendations:50051"`
	RecommendationsTimeout time.Duration `help:"How long a page waits for recommendations before it shows bestsellers." default:"300ms"`
	WriteTimeout           time.Duration `help:"How long to wait until what a reader did is stored, before the reader is asked to try again." default:"2s"`
	DNSInterval            time.Duration `name:"dns-interval" help:"How often DNS is asked for replicas." default:"2s"`
	DNSMaxStale            time.Duration `name:"dns-max-stale" help:"How long the last replicas are kept when DNS says there are none." default:"5m"`

	CatalogFile   string `help:"File that keeps the catalogue, so that the shop can open while recommendations is away; none if empty." placeholder:"FILE"`
	CookieKey     string `help:"Key that signs readers' cookies, at least 64 hexadecimal digits; made anew at each start if empty, which forgets all readers." placeholder:"HEX" xor:"cookie-key"`
	CookieKeyFile string `help:"File that holds the cookie key." placeholder:"FILE" xor:"cookie-key"`
	SecureCookies bool   `help:"Send cookies over HTTPS only; set this where the shop is served by HTTPS."`
	APIToken      string `name:"api-token" help:"Bearer token that the JSON API asks for; open to all if empty." placeholder:"TOKEN"`

	MaxRequests int `help:"How many requests to answer at a time, without live shelves; more are told to come back (503)." default:"200"`
	LiveStreams int `help:"How many browsers may wait for changes of their shelf at a time, each over a connection of its own; 0 for no live shelves." default:"1000"`

	DrainDelay   time.Duration `help:"How long to serve on after saying not ready, so that callers notice." default:"3s"`
	DrainTimeout time.Duration `help:"How long requests in flight may take after that." default:"10s"`

	TLS           rpc.TLSFiles     `embed:"" prefix:"tls-"`
	TLSServerName string           `name:"tls-server-name" help:"Name that the certificates of recommendations must have; that of the target if empty." placeholder:"NAME"`
	Log           telemetry.Config `embed:""`
	Pprof         bool             `help:"Serve /debug/pprof on the admin address."`

	Balance bool `help:"Show how calls are spread over the replicas of recommendations, under /balance and /api/v1/balance; for operators and demonstrations: it tells their addresses to whoever reaches the shop."`

	Faults bool `help:"Let /debug/fault on the admin address make this shop misbehave; for drills only."`

	Tutorial           bool   `help:"Show the examples of docs/tutorial.md under /tutorial and /api/v1/say-hello; for learners only."`
	TutorialRESTTarget string `name:"tutorial-rest-target" help:"Where replicas answer the one that is fetched over REST, like --recommendations-target; that with port 8081 if empty. Used with --tutorial only." placeholder:"TARGET"`
}

// Validate is called by the parser. It reports all faults at once.
func (s *settings) Validate() error {
	var errs []error
	if err := rpc.CheckTarget(s.RecommendationsTarget); err != nil {
		errs = append(errs, fmt.Errorf("--recommendations-target: %w", err))
	}
	if s.MaxRequests < 1 {
		errs = append(errs, fmt.Errorf("--max-requests is %d, want 1 or more", s.MaxRequests))
	}
	if s.LiveStreams < 0 {
		errs = append(errs, fmt.Errorf("--live-streams is %d, want 0 or more", s.LiveStreams))
	}
	if s.TutorialRESTTarget != "" {
		if err := rpc.CheckTarget(s.TutorialRESTTarget); err != nil {
			errs = append(errs, fmt.Errorf("--tutorial-rest-target: %w", err))
		}
	}
	errs = append(errs,
		config.AtLeast("--recommendations-timeout", s.RecommendationsTimeout, time.Millisecond),
		config.AtLeast("--write-timeout", s.WriteTimeout, time.Millisecond),
		config.AtLeast("--dns-interval", s.DNSInterval, 100*time.Millisecond),
		config.AtLeast("--dns-max-stale", s.DNSMaxStale, 0),
		config.AtLeast("--drain-delay", s.DrainDelay, 0),
		config.AtLeast("--drain-timeout", s.DrainTimeout, 0),
		s.TLS.Validate(),
	)
	return errors.Join(errs...)
}

// minCookieKey is the shortest key that is worth signing with, in bytes.
const minCookieKey = 32

// cookieKey returns the key that signs cookies, and whether it was made up.
func (s settings) cookieKey() (key []byte, fresh bool, err error) {
	text, from := s.CookieKey, "--cookie-key"
	if s.CookieKeyFile != "" {
		from = "--cookie-key-file " + s.CookieKeyFile
		content, err := os.ReadFile(s.CookieKeyFile)
		if err != nil {
			return nil, false, fmt.Errorf("--cookie-key-file: %w", err)
		}
		text = strings.TrimSpace(string(content))
	} else if text == "" {
		key = make([]byte, minCookieKey)
		_, _ = rand.Read(key) // never fails, by its documentation
		return key, true, nil
	}
	key, err = hex.DecodeString(text)
	if err != nil || len(key) < minCookieKey {
		return nil, false, fmt.Errorf("%s: want at least %d hexadecimal digits, e.g. from: openssl rand -hex %d", from, 2*minCookieKey, minCookieKey)
	}
	return key, false, nil
}
