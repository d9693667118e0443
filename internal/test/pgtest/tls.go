package pgtest

import (
	"crypto/x509"
	"net"
	"path/filepath"
	"testing"
	"time"

	"bookstall/internal/atomicfile"
	"bookstall/internal/pki"
)

// NewCA returns a CA for a test.
func NewCA(tb testing.TB) *pki.CA {
	tb.Helper()
	ca, err := pki.NewCA("database", time.Hour)
	check(tb, err)
	return ca
}

// Certify gives the server, as localhost, and a role certificates of a CA, and admits the role
// by its certificate alone. The files of the role are ca.crt, tls.crt and tls.key in a folder;
// they are replaced, if they exist, as those of a mounted Secret are.
func (s *Server) Certify(ca *pki.CA, role, dir string) {
	s.t.Helper()
	WriteClient(s.t, ca, role, dir)
	server := issue(s.t, ca, "localhost", x509.ExtKeyUsageServerAuth)
	own, err := ca.Pair()
	check(s.t, err)
	s.Put("server.crt", string(server.Cert))
	s.Put("server.key", string(server.Key))
	s.Put("ca.crt", string(own.Cert))
	s.Exec("ALTER SYSTEM SET ssl_ca_file = 'ca.crt'", "ALTER SYSTEM SET ssl = on")
	s.Admit("hostssl all " + role + " 127.0.0.1/32 cert")
}

// VerifiedURL returns the URL of a new database that belongs to a role, with the role's files
// in a folder.
func (s *Server) VerifiedURL(role, dir string) string {
	s.t.Helper()
	_, port, err := net.SplitHostPort(s.Host())
	check(s.t, err)
	file := func(name string) string { return filepath.Join(dir, name) }
	return "postgres://" + role + "@localhost:" + port + "/" + s.DatabaseOf(role) + "?sslmode=verify-full&sslrootcert=" + file("ca.crt") +
		"&sslcert=" + file("tls.crt") + "&sslkey=" + file("tls.key")
}

// WriteClient writes ca.crt, tls.crt and tls.key of a role into a folder.
func WriteClient(tb testing.TB, ca *pki.CA, role, dir string) {
	tb.Helper()
	client := issue(tb, ca, role, x509.ExtKeyUsageClientAuth)
	own, err := ca.Pair()
	check(tb, err)
	for name, content := range map[string][]byte{"ca.crt": own.Cert, "tls.crt": client.Cert, "tls.key": client.Key} {
		check(tb, atomicfile.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
}

func issue(tb testing.TB, ca *pki.CA, name string, usage x509.ExtKeyUsage) pki.Pair {
	tb.Helper()
	template, err := pki.Leaf([]string{name}, usage, time.Hour)
	check(tb, err)
	pair, err := ca.Issue(template)
	check(tb, err)
	return pair
}
