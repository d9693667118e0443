package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestSettings(t *testing.T) {
	for name, row := range map[string]struct {
		env  map[string]string
		want cluster
		err  string
	}{
		"as the chart sets them": {
			map[string]string{"POSTGRES_USER": "bookstall", "POSTGRES_DB": "books", "POSTGRES_PASSWORD": "x", "PGDATA": "/d"},
			cluster{data: "/d", scripts: "/docker-entrypoint-initdb.d", user: "bookstall", database: "books", password: "x"}, "",
		},
		"as little as can be": {
			map[string]string{"POSTGRES_PASSWORD": "x"},
			cluster{data: "/var/lib/postgresql/data", scripts: "/docker-entrypoint-initdb.d", user: "postgres", database: "postgres", password: "x"}, "",
		},
		"no password":      {nil, cluster{}, "POSTGRES_PASSWORD is empty"},
		"two lines":        {map[string]string{"POSTGRES_PASSWORD": "a\nb"}, cluster{}, "more than one line"},
		"a user to quote":  {map[string]string{"POSTGRES_PASSWORD": "x", "POSTGRES_USER": "A b"}, cluster{}, `POSTGRES_USER is "A b"`},
		"a name to escape": {map[string]string{"POSTGRES_PASSWORD": "x", "POSTGRES_DB": `a"; DROP`}, cluster{}, "POSTGRES_DB is"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := settings(func(key string) string { return row.env[key] })
			if row.err == "" && (err != nil || got != row.want) {
				t.Errorf("settings() = %+v, %v, want %+v", got, err, row.want)
			}
			if row.err != "" && (err == nil || !strings.Contains(err.Error(), row.err)) {
				t.Errorf("settings() = %v, want an error with %q", err, row.err)
			}
		})
	}
}

// asPreparer makes a copy of this test binary call prepare, and then run the statement that is
// its value, unless that is 1.
const asPreparer = "PGTRIAL_TEST_PREPARES"

// TestPrepare prepares a cluster twice, with the PostgreSQL of this machine. At first
// there is an incomplete cluster; the second call must change nothing. PostgreSQL
// refuses to run as root, so a process of another user does it.
func TestPrepare(t *testing.T) {
	if os.Getenv(asPreparer) != "" {
		c, err := settings(os.Getenv)
		if err != nil {
			t.Fatal(err)
		}
		c.scripts = filepath.Join(filepath.Dir(c.data), "scripts")
		var said bytes.Buffer
		if err := c.prepare(&said); err != nil {
			t.Fatalf("prepare: %v\n%s", err, &said)
		}
		if query := os.Getenv(asPreparer); query != "1" {
			if err := single(c.data, c.database, query, os.Stdout); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	if testing.Short() {
		t.Skip("SKIP (-short): starts a PostgreSQL")
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(found) == 0 {
		t.Skip("SKIP (counted): PostgreSQL is not installed")
	}
	dir, err := os.MkdirTemp("", "pgtrial-") //nolint:usetesting // t.TempDir is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	data := filepath.Join(dir, "data")
	half := filepath.Join(dir, "data.half")
	if err := os.Mkdir(half, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, "PG_VERSION"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "pgtrial.test") // where the other user can read it
	if text, err := os.ReadFile(os.Args[0]); err != nil || os.WriteFile(program, text, 0o755) != nil {
		t.Fatal(err)
	}
	// As in the chart's Secret.
	const role = "CREATE ROLE shop LOGIN PASSWORD 'secret';\n\nALTER DATABASE books OWNER TO shop;\n\nALTER SCHEMA public OWNER TO shop;\n\n"
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "scripts"), 0o755), os.WriteFile(filepath.Join(dir, "scripts", "role.sql"), []byte(role), 0o644)); err != nil {
		t.Fatal(err)
	}
	prepare := func(query string) string {
		cmd := exec.Command(program, "-test.run=^TestPrepare$")
		cmd.Dir = dir
		cmd.Env = []string{
			"PATH=" + found[len(found)-1] + ":/usr/bin:/bin", "PGDATA=" + data, "TMPDIR=" + dir, asPreparer + "=" + query,
			"POSTGRES_USER=bookstall", "POSTGRES_DB=books", "POSTGRES_PASSWORD=secret",
		}
		if os.Getuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: another(t, dir)}
		}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("prepare in a process: %v\n%s", err, out)
		}
		return string(out)
	}
	prepare("1")
	first, err := os.ReadFile(filepath.Join(data, "global", "pg_control"))
	if err != nil {
		t.Fatal(err)
	}
	hba, err := os.ReadFile(filepath.Join(data, "pg_hba.conf"))
	if err != nil || !strings.HasSuffix(string(hba), "\nhost all all all scram-sha-256\n") {
		t.Errorf("pg_hba.conf: %v, want it to end with a line for all hosts, got\n%s", err, hba)
	}
	if databases, err := filepath.Glob(filepath.Join(data, "base", "*")); err != nil || len(databases) != 4 {
		t.Errorf("databases %v, %v; want the three of initdb and one", databases, err)
	}
	prepare("1")
	if second, err := os.ReadFile(filepath.Join(data, "global", "pg_control")); err != nil || !bytes.Equal(first, second) {
		t.Errorf("the second start changed the cluster: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "password*")); err != nil || len(left) > 0 {
		t.Errorf("password files %v, %v; want none left", left, err)
	}
	// The script ran in the database, once, and made a role that owns it and is no superuser.
	answer := prepare("SELECT concat_ws(' ', rolname, rolsuper, left(rolpassword, 13), (SELECT nspowner::regrole FROM pg_namespace WHERE nspname = 'public')," +
		" (SELECT datdba::regrole FROM pg_database WHERE datname = 'books')) AS found FROM pg_authid WHERE rolname = 'shop';\n\n")
	if want := `found = "shop f SCRAM-SHA-256 shop shop"`; !strings.Contains(answer, want) {
		t.Errorf("the role: want %s, got\n%s", want, answer)
	}
}

// another returns a user other than root, and makes it the owner of the folder.
func another(t *testing.T, folder string) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Skipf("SKIP (counted): %v", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, int(uid), -1)
	})
	if err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}
}
