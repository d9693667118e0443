package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/jackc/pgx/v5/pgconn"

	"bookstall/internal/atomicfile"
	"bookstall/internal/test/pgtest"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/store"
)

// A pooler gives its connection to the next client as the last one left it.
func TestNothingStaysBehindAPooler(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	url := server.Pooler(1).URL(server.NewDatabase())
	s := open(t, url)
	_ = s.Changes(t.Context())
	mustImport(t, s, store.ImportRequest{Catalog: catalog(1, 2)})
	record(t, s, like("a", 7, 1))
	history(t, s, 7)
	next := openRaw(t, "pgx", url+"&default_query_exec_mode=simple_protocol")
	for _, left := range []string{
		"pg_prepared_statements", "pg_listening_channels()", "pg_locks WHERE locktype = 'advisory'",
		"pg_settings WHERE source = 'session' AND name <> 'application_name'", // that is the pooler's
	} {
		if n := count(t, next, "SELECT count(*) FROM "+left); n != 0 {
			t.Errorf("%d rows of %s", n, left)
		}
	}
}

// A replica whose host has disappeared keeps the others waiting for seconds, not for hours.
func TestAbandonedTransactionsEnd(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	direct := server.NewDatabase()
	for name, url := range map[string]string{
		"direct": direct, "pooled": server.Pooler(1).URL(direct), "as the URL says": direct + "&idle_in_transaction_session_timeout=7s",
	} {
		want := "10s"
		if strings.Contains(url, "=7s") {
			want = "7s"
		}
		s := open(t, url)
		got, err := store.Setting(within(t), s, "idle_in_transaction_session_timeout")
		if err != nil || got != want {
			t.Errorf("%s: %q, %v; want %s", name, got, err, want)
		}
	}
}

func setFile(t *testing.T, path, content string) {
	t.Helper()
	if err := atomicfile.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAPasswordThatChanges(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	server.Exec("CREATE ROLE app LOGIN PASSWORD 'topsecret1'")
	server.Admit("host all app 127.0.0.1/32 scram-sha-256")
	for name, in := range map[string]struct {
		line   func(url, password string) string // content of the file
		reread bool                              // the file has the URL
	}{
		"the URL's file":    {func(url, password string) string { return strings.Replace(url, "app", "app:"+password, 1) }, true},
		"the password file": {func(_, password string) string { return "*:*:*:app:" + password }, false},
	} {
		t.Run(name, func(t *testing.T) {
			server.Exec("ALTER ROLE app PASSWORD 'topsecret1'")
			database := server.DatabaseOf("app")
			url := "postgres://app@" + server.Host() + "/" + database + "?sslmode=disable"
			file := filepath.Join(t.TempDir(), "file")
			setFile(t, file, in.line(url, "topsecret1"))
			var mu sync.Mutex
			var lines []string
			o := store.Options{Log: funcr.New(func(_, args string) {
				mu.Lock()
				defer mu.Unlock()
				lines = append(lines, args)
			}, funcr.Options{})}
			opened := url + "&passfile=" + file
			if in.reread {
				opened = in.line(url, "topsecret1")
				o.Reread = func() (string, error) {
					text, err := os.ReadFile(file)
					return string(text), err
				}
			}
			s, err := store.Open(opened, o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			record(t, s, like("a", 7, 1))

			server.Exec("ALTER ROLE app PASSWORD 'topsecret2'")
			server.Disconnect("app")
			err = reconnected(t, s, like("b", 7, 2))
			if store.CauseOf(err) != store.Refused || strings.Contains(err.Error(), "topsecret") {
				t.Errorf("with the former password: %v for %q, want %q without the password", err, store.CauseOf(err), store.Refused)
			}
			setFile(t, file, in.line(url, "topsecret2"))
			record(t, s, like("b", 7, 2))

			if !in.reread {
				return
			}
			// A URL that cannot be used is logged, and the last one holds.
			for _, bad := range []string{"", "mysql://h/d", strings.Replace(in.line(url, "topsecret1"), database, "another", 1)} {
				setFile(t, file, bad)
				server.Disconnect("app")
				if err := reconnected(t, s, like("c", 7, 3)); err != nil {
					t.Errorf("with the last URL: %v", err)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			all := strings.Join(lines, "\n")
			if n := strings.Count(all, "new URL cannot be used"); n != 3 || !strings.Contains(all, "another server or database") || strings.Contains(all, "topsecret") {
				t.Errorf("%d lines, want one for each:\n%s", n, all)
			}
		})
	}
}

// TLS with a private CA, client certificates and sslmode=verify-full. Files are read at each
// connection, so the client's certificate and the CA can be replaced.
func TestTLSOfPostgres(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	server.Exec("CREATE ROLE app LOGIN")
	dir, foreign := t.TempDir(), t.TempDir()
	server.Certify(pgtest.NewCA(t), "app", dir)
	pgtest.WriteClient(t, pgtest.NewCA(t), "app", foreign)
	url := server.VerifiedURL("app", dir)
	s := open(t, url)
	record(t, s, like("a", 7, 1))
	for name, bad := range map[string]string{
		"a foreign CA":                strings.Replace(url, dir+"/ca.crt", foreign+"/ca.crt", 1),
		"another name":                strings.Replace(url, "localhost", "127.0.0.1", 1),
		"no certificate":              strings.Split(url, "&sslcert")[0],
		"a certificate of another CA": strings.Replace(strings.Replace(url, dir+"/tls.crt", foreign+"/tls.crt", 1), dir+"/tls.key", foreign+"/tls.key", 1),
		"no TLS":                      strings.Split(url, "?")[0] + "?sslmode=disable",
	} {
		_, err := open(t, bad).Head(within(t))
		cause := store.CauseOf(err)
		// The server says why and closes; a reset may come before what it said.
		lost := name == "a certificate of another CA" && cause == store.Unreachable && strings.Contains(err.Error(), "reset")
		if !errors.Is(err, domain.ErrStoreDown) || cause != store.Refused && !lost {
			t.Errorf("%s: %v for %q, want ErrStoreDown for %q", name, err, store.CauseOf(err), store.Refused)
		}
	}
	if err := store.CheckURL(strings.Replace(url, "ca.crt", "none.crt", 1)); err == nil || !strings.Contains(err.Error(), "none.crt") {
		t.Errorf("a CA that is missing: %v, want an error that names the file", err)
	}

	server.Certify(pgtest.NewCA(t), "app", dir)
	server.Disconnect("app")
	if err := reconnected(t, s, like("b", 7, 2)); err != nil {
		t.Errorf("with certificates of a new CA: %v", err)
	}
}

// reconnected records an interaction after the server has ended the connections, of which each
// fails once.
func reconnected(t *testing.T, s *store.Store, i domain.Interaction) (err error) {
	t.Helper()
	const connections = 8
	for range connections {
		if _, err = s.Record(within(t), []domain.Interaction{i}); err == nil {
			break
		}
		if failed, ok := errors.AsType[*pgconn.PgError](err); ok && failed.Code != "57P01" { // admin_shutdown
			break
		}
	}
	return err
}

// The primary becomes a standby while connections to it are open. One write fails, and closes
// all of them; the next one finds the new primary.
func TestAPrimaryThatBecomesAStandby(t *testing.T) {
	t.Parallel()
	primary := pgtest.Start(t)
	url := primary.NewDatabase()
	standby := primary.Standby()
	s := open(t, strings.Replace(url, primary.Host(), primary.Host()+","+standby.Host(), 1)+"&target_session_attrs=read-write")
	record(t, s, like("a", 7, 1))
	const connections = 5
	var all, ready sync.WaitGroup
	ready.Add(connections)
	for range connections {
		all.Go(func() {
			_, err := s.Histories(within(t), store.Position{}, func(domain.Reader) error {
				ready.Done()
				ready.Wait() // the others have connections of their own
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	primary.Exec("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
	var err error
	for err == nil { // the primary's processes read the setting a little later
		_, err = s.Record(within(t), []domain.Interaction{like("b", 7, 2)})
	}
	if store.CauseOf(err) != store.ReadOnly {
		t.Errorf("at the former primary: %v for %q, want %q", err, store.CauseOf(err), store.ReadOnly)
	}
	standby.Promote()
	record(t, s, like("c", 7, 3))
	if h := history(t, open(t, strings.Replace(url, primary.Host(), standby.Host(), 1)), 7); len(h) < 2 {
		t.Errorf("the new primary has %v", h)
	}
}

// The server stops, and its standby takes over while processes write to whichever takes
// writes.
func TestAPromotedStandbyLosesNothing(t *testing.T) {
	t.Parallel()
	primary := pgtest.Start(t)
	url := primary.NewDatabase()
	standby := primary.Standby()
	both := strings.Replace(url, primary.Host(), primary.Host()+","+standby.Host(), 1) + "&target_session_attrs=read-write"
	s := open(t, both)
	mustHead(t, s)
	c := newCrew(t, both, 2)
	written := func() (n int) {
		for _, j := range c.jobs {
			n += len(acknowledged(t, j.Acks))
		}
		return n
	}
	more := func(than int) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); written() <= than; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d writes are acknowledged, want more than %d", written(), than)
			}
		}
	}
	more(20)
	primary.Kill()
	before := written()
	standby.Promote()
	more(before + 20)
	c.kill(t, 0)
	c.end(t, strings.Replace(url, primary.Host(), standby.Host(), 1))
	if err := reconnected(t, s, like("after", 1, 1<<20)); err != nil {
		t.Error(err)
	}
	t.Logf("%d acknowledged before the end of the first server", before)
}
