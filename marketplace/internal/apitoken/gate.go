package apitoken

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/go-logr/logr"
)

// Config says who may use the API. Without a token and a file it is closed, or open if Open
// is set.
type Config struct {
	Token string // for everything; "" for none
	File  string // file of named tokens, read again when it changes; "" for none
	Open  bool   // admit everybody if there is neither Token nor File
	Log   logr.Logger
}

// singleName is the name of Config.Token in logs.
const singleName = "api-token"

// Gate admits requests. It is safe for concurrent use.
type Gate struct {
	cfg    Config
	single []entry // none or one
	all    []Scope // what everybody may do if the gate is open

	mu    sync.Mutex
	seen  os.FileInfo // the file as it was read last, whether it was valid or not; nil if it could not be read
	named []entry     // of the last valid file
}

// NewGate reads the file of tokens, if there is one.
func NewGate(cfg Config) (*Gate, error) {
	g := &Gate{cfg: cfg, all: Scopes()}
	if cfg.Token != "" {
		g.single = []entry{{digestOf(cfg.Token), Grant{Name: singleName, Scopes: Scopes()}}}
	}
	if cfg.File == "" {
		return g, nil
	}
	var err error
	if g.seen, g.named, err = read(cfg.File); err != nil {
		return nil, err
	}
	return g, nil
}

// State says who is admitted, for the log: by token, everybody, or nobody.
func (g *Gate) State() string {
	switch {
	case g.cfg.Token != "" || g.cfg.File != "":
		return "token required"
	case g.Open():
		return "open to everybody"
	}
	return "closed"
}

// Open reports whether everybody is admitted.
func (g *Gate) Open() bool { return g.cfg.Token == "" && g.cfg.File == "" && g.cfg.Open }

// Admit returns what a request with this Authorization header may do, or ErrUnauthorized or
// ErrClosed.
func (g *Gate) Admit(authorization string) (Grant, error) {
	if g.cfg.Token == "" && g.cfg.File == "" {
		if g.cfg.Open {
			return Grant{Scopes: g.all}, nil
		}
		return Grant{}, ErrClosed
	}
	scheme, token, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return Grant{}, ErrUnauthorized
	}
	// All are compared, and hashes of one length, so that the time reveals nothing.
	got, found := digestOf(token), Grant{}
	for _, list := range [][]entry{g.single, g.current()} {
		for _, e := range list {
			if subtle.ConstantTimeCompare(got[:], e.digest[:]) == 1 {
				found = e.grant
			}
		}
	}
	if found.Anonymous() {
		return Grant{}, ErrUnauthorized
	}
	return found, nil
}

// current returns the named tokens. It reads the file again if that has changed, and keeps
// the tokens of before if it is not valid.
func (g *Gate) current() []entry {
	if g.cfg.File == "" {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	info, err := os.Stat(g.cfg.File)
	if err == nil && g.seen != nil && os.SameFile(info, g.seen) && info.ModTime().Equal(g.seen.ModTime()) && info.Size() == g.seen.Size() {
		return g.named
	}
	wasReadable := g.seen != nil
	seen, entries, err := read(g.cfg.File)
	g.seen = seen
	switch {
	case err == nil:
		g.named = entries
		g.cfg.Log.Info("API tokens read again", "file", g.cfg.File, "tokens", len(entries))
	case seen != nil || wasReadable: // otherwise it is logged already
		g.cfg.Log.Error(err, "file of API tokens not valid, the previous tokens stay in use", "file", g.cfg.File)
	}
	return g.named
}

// maxFile bounds the file of tokens, in bytes; some ten thousand tokens.
const maxFile = 1 << 20

// read returns the tokens of a file, and the file's state, which is nil if it cannot be
// read.
func read(path string) (_ os.FileInfo, _ []entry, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, nil, err
	}
	if len(content) > maxFile {
		return info, nil, fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	entries, err := parse(string(content))
	if err != nil {
		return info, nil, fmt.Errorf("%s: %w", path, err)
	}
	return info, entries, nil
}

// ReadToken returns the content of a file that holds one token.
func ReadToken(path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(strings.TrimPrefix(string(content), "\uFEFF")) // editors put this mark in front
	if token == "" || strings.ContainsAny(token, " \t\r\n") {
		return "", fmt.Errorf("%s: want one token, without white space", path)
	}
	return token, nil
}
