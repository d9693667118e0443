package apitoken

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// digest is the SHA-256 of a token. Tokens are random and long, so that nothing slower is
// needed against guessing.
type digest [sha256.Size]byte

func digestOf(token string) digest { return sha256.Sum256([]byte(token)) }

// entry is one token that is accepted.
type entry struct {
	digest digest
	grant  Grant
}

const (
	hashPrefix   = "sha256:"
	readerPrefix = "reader="
	tokenPrefix  = "bookstall_" // by which scanners for leaked secrets can find tokens
	tokenBytes   = 32
)

// New makes a random token. It returns the token, and its line for the file of tokens,
// which does not reveal it.
func New(g Grant) (token, line string, err error) {
	if err := g.validate(); err != nil {
		return "", "", err
	}
	secret := make([]byte, tokenBytes)
	_, _ = rand.Read(secret) // never fails, by its documentation
	token = tokenPrefix + base64.RawURLEncoding.EncodeToString(secret)
	sum := digestOf(token)
	scopes := make([]string, len(g.Scopes))
	for i, s := range g.Scopes {
		scopes[i] = string(s)
	}
	line = g.Name + " " + hashPrefix + hex.EncodeToString(sum[:]) + " " + strings.Join(scopes, ",")
	if g.Reader != 0 {
		line += " " + readerPrefix + strconv.FormatInt(g.Reader, 10)
	}
	return token, line, nil
}

func (g Grant) validate() error {
	if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`).MatchString(g.Name) {
		return fmt.Errorf("name %q: want 1 to 64 letters, digits, dots, hyphens and underscores", g.Name)
	}
	if len(g.Scopes) == 0 {
		return errors.New("no scope")
	}
	for i, s := range g.Scopes {
		if !slices.Contains(Scopes(), s) || slices.Contains(g.Scopes[:i], s) {
			return fmt.Errorf("scope %q: want %v, each once", s, Scopes())
		}
	}
	if g.Reader < 0 {
		return fmt.Errorf("reader %d: want an id from 1", g.Reader)
	}
	return nil
}

// parse reads the file of tokens: lines as New makes them, empty ones, and comments that
// begin with #. A file with comments only has no tokens; one without anything is an error,
// because it is more likely an accident.
func parse(content string) ([]entry, error) {
	if strings.TrimSpace(content) == "" {
		return nil, errors.New("the file is empty")
	}
	var entries []entry
	var errs []error
	lineOf := map[string]int{}
	n := 0
	for text := range strings.Lines(content) {
		n++
		text = strings.TrimSpace(text)
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		e, err := parseLine(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("line %d: %w", n, err))
			continue
		}
		for _, unique := range []string{e.grant.Name, string(e.digest[:])} {
			if before := lineOf[unique]; before != 0 {
				errs = append(errs, fmt.Errorf("line %d: has the name or the hash of line %d", n, before))
			}
			lineOf[unique] = n
		}
		entries = append(entries, e)
	}
	return entries, errors.Join(errs...)
}

// parseLine does not repeat the line in its errors: it may hold a token by mistake.
func parseLine(text string) (entry, error) {
	fields := strings.Fields(text)
	if len(fields) != 3 && len(fields) != 4 {
		return entry{}, errors.New("want NAME sha256:HASH SCOPE,… and perhaps reader=ID")
	}
	e := entry{grant: Grant{Name: fields[0]}}
	hash, ok := strings.CutPrefix(fields[1], hashPrefix)
	sum, err := hex.DecodeString(hash)
	if !ok || err != nil || len(sum) != len(e.digest) {
		return entry{}, fmt.Errorf("the second word must be %s and %d hexadecimal digits", hashPrefix, 2*len(e.digest))
	}
	e.digest = digest(sum)
	for s := range strings.SplitSeq(fields[2], ",") {
		e.grant.Scopes = append(e.grant.Scopes, Scope(s))
	}
	if len(fields) == 4 {
		id, ok := strings.CutPrefix(fields[3], readerPrefix)
		if e.grant.Reader, err = strconv.ParseInt(id, 10, 64); !ok || err != nil || e.grant.Reader < 1 {
			return entry{}, fmt.Errorf("the fourth word must be %sID", readerPrefix)
		}
	}
	return e, e.grant.validate()
}
