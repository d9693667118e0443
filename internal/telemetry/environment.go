package telemetry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// environment reads OTEL_* variables by the rules of OpenTelemetry's specification: an
// empty value is no value, and one that cannot be understood is reported and ignored.
//
// The SDK reads most of them by itself, but reports what it does not understand as plain
// text, as an error of a constructor, or not at all. So all that it would read is read
// here and passed to it as options.
type environment struct {
	values map[string]string
	used   map[string]bool
	report func(problem)
}

// problem is a variable that is ignored.
type problem struct{ name, value, reason string }

// newEnvironment takes lines of the form NAME=VALUE.
func newEnvironment(environ []string, report func(problem)) *environment {
	e := &environment{values: map[string]string{}, used: map[string]bool{}, report: report}
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		if value = strings.TrimSpace(value); value != "" && strings.HasPrefix(name, "OTEL_") {
			e.values[name] = value
		}
	}
	return e
}

// get returns the value of a variable, "" for none.
func (e *environment) get(name string) string {
	e.used[name] = true
	return e.values[name]
}

// ignore reports a variable whose value is not used.
func (e *environment) ignore(name, reason string) {
	value := e.values[name]
	if secret(name) {
		value = "(hidden)"
	}
	if u, err := url.Parse(value); err == nil && u.User != nil {
		value = u.Redacted()
	}
	e.report(problem{name, value, reason})
}

// secret reports whether a variable may have credentials.
func secret(name string) bool { return strings.HasSuffix(name, "HEADERS") }

// ignoreUnused reports the variables that nobody has asked for. Those of Go's SDK alone
// are its own matter.
func (e *environment) ignoreUnused() {
	for _, name := range slices.Sorted(maps.Keys(e.values)) {
		if !e.used[name] && !strings.HasPrefix(name, "OTEL_GO_") {
			e.ignore(name, "it is not one that this program uses")
		}
	}
}

// signal returns the names of an OTLP setting for traces, the signal's own first.
func signal(setting string) []string {
	return []string{"OTEL_EXPORTER_OTLP_TRACES_" + setting, "OTEL_EXPORTER_OTLP_" + setting}
}

// first returns the parsed value of the first variable that has one, or otherwise.
func first[T any](e *environment, names []string, otherwise T, parse func(name, value string) (T, error)) T {
	result, found := otherwise, false
	for _, name := range names {
		value := e.get(name)
		if value == "" || found {
			continue
		}
		parsed, err := parse(name, value)
		if err != nil {
			e.ignore(name, err.Error())
			continue
		}
		result, found = parsed, true
	}
	return result
}

// boolean: only true is true, in any case.
func (e *environment) boolean(names ...string) bool {
	return first(e, names, false, func(_, value string) (bool, error) {
		switch strings.ToLower(value) {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		return false, errors.New("want true or false")
	})
}

// integer accepts least to 2^31-1.
func (e *environment) integer(otherwise, least int, names ...string) int {
	return first(e, names, otherwise, func(_, value string) (int, error) {
		n, err := strconv.Atoi(value)
		if err != nil || n < least || n > math.MaxInt32 {
			return 0, fmt.Errorf("want a whole number, %d or more", least)
		}
		return n, nil
	})
}

// milliseconds accepts 0, which means no limit for a timeout.
func (e *environment) milliseconds(otherwise time.Duration, names ...string) time.Duration {
	n := e.integer(int(otherwise.Milliseconds()), 0, names...)
	return time.Duration(n) * time.Millisecond
}

// oneOf accepts the keys of a map, in any case.
func oneOf[T any](e *environment, names []string, otherwise T, known map[string]T) T {
	return first(e, names, otherwise, func(_, value string) (T, error) {
		v, ok := known[strings.ToLower(value)]
		if !ok {
			return v, fmt.Errorf("want %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
		return v, nil
	})
}

// list returns the entries of a list with commas, none of them empty or twice.
func (e *environment) list(name string) (entries []string) {
	for entry := range strings.SplitSeq(e.get(name), ",") {
		if entry = strings.TrimSpace(entry); entry != "" && !slices.Contains(entries, entry) {
			entries = append(entries, entry)
		}
	}
	return entries
}

// pair is an entry of a list of the form KEY=VALUE,KEY=VALUE.
type pair struct{ key, value string }

// pairs returns the entries that can be understood, with their values decoded.
func (e *environment) pairs(name string) (found []pair) {
	var bad []string
	for _, entry := range e.list(name) {
		key, value, ok := strings.Cut(entry, "=")
		key = strings.TrimSpace(key)
		decoded, err := url.PathUnescape(strings.TrimSpace(value))
		if !ok || key == "" || err != nil {
			if secret(name) {
				entry = "one"
			}
			bad = append(bad, entry)
			continue
		}
		found = append(found, pair{key, decoded})
	}
	if len(bad) > 0 {
		e.ignore(name, fmt.Sprintf("want KEY=VALUE,KEY=VALUE with percent-encoded values; left out: %s", strings.Join(bad, ", ")))
	}
	return found
}

// certificates returns the CAs of a PEM file, nil for those of the system.
func (e *environment) certificates() *x509.CertPool {
	return first(e, signal("CERTIFICATE"), nil, func(_, file string) (*x509.CertPool, error) {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(content) {
			return nil, errors.New("the file has no PEM certificate")
		}
		return pool, nil
	})
}

// clientCertificate returns the certificate that the program shows to the collector, nil
// for none.
func (e *environment) clientCertificate() []tls.Certificate {
	type file struct{ variable, path string }
	named := func(setting string) file {
		return first(e, signal(setting), file{}, func(name, path string) (file, error) { return file{name, path}, nil })
	}
	chain, key := named("CLIENT_CERTIFICATE"), named("CLIENT_KEY")
	switch {
	case chain.path == "" && key.path == "":
		return nil
	case key.path == "":
		e.ignore(chain.variable, "the variable with the file of its key is not set")
		return nil
	case chain.path == "":
		e.ignore(key.variable, "the variable with the file of the certificate is not set")
		return nil
	}
	certificate, err := tls.LoadX509KeyPair(chain.path, key.path)
	if err != nil {
		e.ignore(chain.variable, err.Error())
		return nil
	}
	return []tls.Certificate{certificate}
}
