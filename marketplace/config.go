package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"

	"bookstall/balance"
	"bookstall/internal/config"
	"bookstall/internal/rpc"
	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/apitoken"
	"bookstall/marketplace/internal/edge"
	"bookstall/marketplace/internal/signed"
	"bookstall/marketplace/internal/storefront"
)

// settings configure the serve command, by flags or MARKETPLACE_… variables.
type settings struct {
	HTTPAddress  string `name:"http-address" help:"Listen address of the shop, host:port." default:":8080"`
	AdminAddress string `help:"Listen address of health, metrics and build information, host:port." default:":9090"`
	Name         string `help:"Name of this replica in logs and traces; empty for the host name."`

	RecommendationsTarget  string        `help:"Dial target of recommendations: dns:///NAME:PORT or dns://SERVER/NAME:PORT. A dot at the end of NAME saves lookups in search domains." default:"dns:///recommendations:50051"`
	RecommendationsTimeout time.Duration `help:"Deadline for a shelf; after it, the page shows bestsellers." default:"300ms"`
	WriteTimeout           time.Duration `help:"Deadline for storing an interaction; after it, the reader is asked to try again." default:"2s"`
	DNSInterval            time.Duration `name:"dns-interval" help:"Interval of DNS lookups for replicas." default:"2s"`
	DNSMaxStale            time.Duration `name:"dns-max-stale" help:"How long to keep the last known replicas while DNS returns none." default:"5m"`

	ShopFile              string   `help:"YAML file with the shop's face: name, texts, logo, colours, contact, pages and links. docs/shop-file.md describes it." placeholder:"FILE"`
	CatalogFile           string   `help:"File for a snapshot of the catalogue, from which the shop opens while recommendations is unavailable; empty for none." placeholder:"FILE"`
	CoversDir             string   `help:"Folder with pictures of covers, each named by the id or ISBN of its book, such as 7.jpg or 9780261102217.png: JPEG, PNG or WebP, at most 10 MB and 40 megapixels. They are scaled once; the shop looks for new ones every minute, and draws the covers of other books." placeholder:"DIR"`
	CoversCache           string   `help:"Folder for the scaled covers, about 150 kB a book. Empty: a temporary one, so that each start scales all of them." placeholder:"DIR"`
	ShowUnavailable       bool     `help:"Show books that cannot be bought on shelves and in lists, and say there that they are not available. Otherwise they are only on their own pages and in readers' histories."`
	NewDays               int      `help:"Mark the books as new that came at most so many days before the newest book; 0 for none." default:"30"`
	CookieKey             string   `help:"Key that signs readers' cookies, at least 64 hexadecimal digits. After a space it may have the previous key, whose cookies stay valid. If empty, each start generates a new key, and readers lose their identity." placeholder:"HEX" xor:"cookie-key"`
	CookieKeyFile         string   `help:"File with the cookie key, and perhaps the previous one on the next line." placeholder:"FILE" xor:"cookie-key"`
	PublicURL             string   `name:"public-url" help:"Where readers reach the shop: https://HOST or http://HOST, perhaps with a :PORT, and with a /PATH below which all addresses are; a proxy may strip the path or not. With https, cookies are sent over HTTPS only, and browsers are told to use nothing else (HSTS). The shop then answers to this host, to localhost, and to its addresses; it gives pages, but not the JSON API, to names without a dot, by which a proxy may call it, unless --trusted-proxies is set. Empty: any host." placeholder:"URL"`
	AllowedHosts          []string `help:"More hosts that the shop answers to; *.NAME for all of a domain." placeholder:"HOST"`
	HSTSIncludeSubdomains bool     `name:"hsts-include-subdomains" help:"Tell browsers to use HTTPS for all subdomains of the public URL's host, too."`
	SecureCookies         bool     `help:"Send cookies over HTTPS only, without a public URL that says so."`
	FormerCookies         bool     `help:"Give browsers, at their first page, a cookie that shops of the version before accept, so that no reader becomes another while shops of both serve. For the time of an upgrade or a rollback: there are few such ids, and somebody can meet another's by chance."`
	ReaderHeader          string   `help:"Header in which the proxies in front of the shop name the reader who is signed in, by the id that was imported, a number or a text. It is believed from --trusted-proxies only, and anybody else who sends it gets 403. Such readers need no cookie; who is not named is a visitor." placeholder:"NAME"`
	TrustedProxies        []string `help:"Addresses and CIDRs of the proxies in front of the shop. X-Forwarded-For, -Host and -Proto are believed if they come from there, and from nobody else." placeholder:"CIDR"`

	APIToken      *string `name:"api-token" help:"Bearer token of the JSON API, for everything. Other users of the host can see a flag; better set the variable or a file." placeholder:"TOKEN" xor:"api-token"`
	APITokenFile  string  `name:"api-token-file" help:"File with that token." placeholder:"FILE" xor:"api-token"`
	APITokensFile string  `name:"api-tokens-file" help:"File of named tokens, each with its scopes: lines as 'marketplace token' prints them. It is read again when it changes." placeholder:"FILE"`
	APIOpen       bool    `name:"api-open" help:"Open the JSON API to everybody if no token is set. Without this and without a token, it is closed."`

	MaxRequests    int `help:"Concurrency limit for requests, not counting live shelves; the excess is shed with 503." default:"200"`
	MaxConnections int `help:"How many connections may be open at a time, those of live shelves included. For one beyond that, the one that has been idle longest is closed. Fewer, if the limit of open files leaves no room." default:"2000"`
	LimitAddress   int `help:"Requests a second that one address may make; a fifth as many writes, and twice as many live shelves at a time. More get 429. Counts for public addresses, and those that trusted proxies name; 0 for no limit." default:"100"`
	LimitToken     int `help:"Requests a second that one API token may make, and a fifth as many writes; 0 for no limit." default:"500"`
	LiveStreams    int `help:"Limit for live shelves, each of which keeps a connection open; 0 for none." default:"1000"`

	DrainDelay   time.Duration `help:"How long to keep serving after readiness is withdrawn, so that callers notice." default:"3s"`
	DrainTimeout time.Duration `help:"Deadline for requests in flight after the drain delay." default:"10s"`

	TLS           rpc.TLSFiles     `embed:"" prefix:"tls-"`
	TLSServerName string           `name:"tls-server-name" help:"Name that the certificates of recommendations must have; empty for that of the target." placeholder:"NAME"`
	Log           telemetry.Config `embed:""`
	Pprof         bool             `help:"Serve /debug/pprof on the admin address."`

	Balance bool `help:"Show at /balance and /api/v1/balance how calls are spread over the replicas of recommendations. For operators and demonstrations, because it publishes their addresses."`

	Faults bool `help:"Allow fault injection by /debug/fault on the admin address. For drills only."`

	Tutorial           bool   `help:"Serve the examples of docs/tutorial.md at /tutorial and /api/v1/say-hello. For learners only."`
	TutorialRESTTarget string `name:"tutorial-rest-target" help:"Dial target of the tutorial's REST example; empty for the recommendations target with port 8081. Used with --tutorial only." placeholder:"TARGET"`
}

// Validate reports all invalid settings at once. Kong calls it.
func (s *settings) Validate() error {
	var errs []error
	if err := balance.CheckTarget(s.RecommendationsTarget); err != nil {
		errs = append(errs, fmt.Errorf("--recommendations-target: %w", err))
	}
	if s.MaxRequests < 1 {
		errs = append(errs, fmt.Errorf("--max-requests is %d, want 1 or more", s.MaxRequests))
	}
	if s.MaxConnections < 1 {
		errs = append(errs, fmt.Errorf("--max-connections is %d, want 1 or more", s.MaxConnections))
	}
	if s.LimitAddress < 0 || s.LimitToken < 0 {
		errs = append(errs, fmt.Errorf("--limit-address is %d and --limit-token %d, want 0 or more", s.LimitAddress, s.LimitToken))
	}
	if s.CoversCache != "" && s.CoversDir == "" {
		errs = append(errs, errors.New("--covers-cache is for --covers-dir, which is not set"))
	}
	if s.NewDays < 0 || s.NewDays > 3650 {
		errs = append(errs, fmt.Errorf("--new-days is %d, want 0 to 3650", s.NewDays))
	}
	if s.LiveStreams < 0 {
		errs = append(errs, fmt.Errorf("--live-streams is %d, want 0 or more", s.LiveStreams))
	}
	if s.TutorialRESTTarget != "" {
		if err := balance.CheckTarget(s.TutorialRESTTarget); err != nil {
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

// face returns how the shop looks.
func (s settings) face() (storefront.Face, error) {
	if s.ShopFile == "" {
		return storefront.Default(), nil
	}
	face, err := storefront.Load(s.ShopFile)
	if err != nil {
		return face, fmt.Errorf("--shop-file: %w", err)
	}
	return face, nil
}

// hasMeaning reports whether HTTP, browsers or proxies mean something else by a header than a
// reader.
func hasMeaning(header string) bool {
	return slices.Contains([]string{
		"Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Connection", "Content-Length", "Content-Type", "Cookie", "Forwarded", "Host",
		"Last-Event-Id", "Origin", "Proxy-Authorization", "Referer", "Sec-Fetch-Site", "Traceparent", "User-Agent", "Via",
		"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Proto", "X-Real-Ip", "X-Request-Id",
	}, http.CanonicalHeaderKey(header))
}

// edge returns what is in front of the shop.
func (s settings) edge() (*edge.Edge, error) {
	cfg := edge.Config{
		AllowedHosts: s.AllowedHosts, Listen: s.HTTPAddress, ReaderHeader: s.ReaderHeader, HSTSIncludeSubdomains: s.HSTSIncludeSubdomains,
	}
	var err error
	if s.PublicURL != "" {
		if cfg.PublicURL, err = edge.ParseURL(s.PublicURL); err != nil {
			return nil, fmt.Errorf("--public-url is %s: %w", s.PublicURL, err)
		}
	}
	switch https := cfg.PublicURL.Secure(); {
	case s.HSTSIncludeSubdomains && !https:
		return nil, errors.New("--hsts-include-subdomains needs a --public-url with https")
	case s.SecureCookies && !https && !cfg.PublicURL.IsZero():
		return nil, fmt.Errorf("--secure-cookies is set, but --public-url is %s: browsers would not send the cookies back", s.PublicURL)
	}
	if cfg.Proxies, err = edge.ParseProxies(s.TrustedProxies); err != nil {
		return nil, fmt.Errorf("--trusted-proxies: %w", err)
	}
	notInName := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	}
	switch {
	case s.ReaderHeader == "":
	case len(cfg.Proxies) == 0:
		return nil, errors.New("--reader-header needs --trusted-proxies: whoever reaches the shop could name any reader")
	case strings.ContainsFunc(s.ReaderHeader, notInName):
		return nil, fmt.Errorf("--reader-header is %q, want a name of letters, digits and hyphens, such as X-Auth-Request-User", s.ReaderHeader)
	case hasMeaning(s.ReaderHeader):
		return nil, fmt.Errorf("--reader-header is %q, which means something else: want a header such as X-Auth-Request-User", s.ReaderHeader)
	}
	e, err := edge.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("--allowed-hosts: %w", err)
	}
	return e, nil
}

// apiGate returns who may use the JSON API.
func (s settings) apiGate(log logr.Logger) (*apitoken.Gate, error) {
	cfg := apitoken.Config{File: s.APITokensFile, Open: s.APIOpen, Log: log}
	switch {
	case s.APIToken != nil && s.APITokenFile != "":
		return nil, errors.New("--api-token and --api-token-file are both set, want one of them")
	case s.APITokenFile != "":
		var err error
		if cfg.Token, err = apitoken.ReadToken(s.APITokenFile); err != nil {
			return nil, fmt.Errorf("--api-token-file: %w", err)
		}
	case s.APIToken != nil:
		if cfg.Token = strings.TrimSpace(*s.APIToken); cfg.Token == "" {
			return nil, errors.New("--api-token is empty; leave it out for a closed API, or set --api-open for one that is open to everybody")
		}
	}
	gate, err := apitoken.NewGate(cfg)
	if err != nil {
		return nil, fmt.Errorf("--api-tokens-file: %w", err)
	}
	return gate, nil
}

// cookieKeys returns the keys that sign cookies, the present one first, and whether they
// were generated.
func (s settings) cookieKeys() (keys signed.Keys, generated bool, err error) {
	text, from := s.CookieKey, "--cookie-key"
	if s.CookieKeyFile != "" {
		from = "--cookie-key-file " + s.CookieKeyFile
		if text, err = config.FromFile("--cookie-key-file", s.CookieKeyFile); err != nil {
			return nil, false, err
		}
	} else if text == "" {
		key := make([]byte, signed.MinKey)
		_, _ = rand.Read(key) // never fails, by its documentation
		return signed.Keys{key}, true, nil
	}
	words := strings.Fields(text)
	if len(words) < 1 || len(words) > 2 {
		return nil, false, fmt.Errorf("%s: %d keys, want the present one and perhaps the previous one", from, len(words))
	}
	for _, word := range words {
		key, err := hex.DecodeString(word)
		if err != nil || len(key) < signed.MinKey {
			return nil, false, fmt.Errorf("%s: want at least %d hexadecimal digits, e.g. from: openssl rand -hex %d", from, 2*signed.MinKey, signed.MinKey)
		}
		keys = append(keys, key)
	}
	return keys, false, nil
}
