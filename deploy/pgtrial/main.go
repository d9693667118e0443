// Command pgtrial starts PostgreSQL in a container, for trials and tests where the
// official image cannot be pulled. It supports the variables of that image that the
// chart sets: POSTGRES_PASSWORD, POSTGRES_USER, POSTGRES_DB, PGDATA, and the files *.sql of
// /docker-entrypoint-initdb.d, in which an empty line ends each statement. At the first start
// it creates the database cluster and the database, and runs these files in it. Then it
// replaces itself with postgres, and passes its own arguments on.
package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

func main() {
	if err := run(os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "pgtrial:", err)
		os.Exit(1)
	}
}

func run(args []string, getenv func(string) string, stdout io.Writer) error {
	c, err := settings(getenv)
	if err != nil {
		return err
	}
	if err := c.prepare(stdout); err != nil {
		return err
	}
	postgres, err := exec.LookPath("postgres")
	if err != nil {
		return err
	}
	argv := append([]string{"postgres", "-D", c.data, "-c", "listen_addresses=*"}, args...)
	return syscall.Exec(postgres, argv, os.Environ()) //nolint:gosec // this is the purpose of the program
}

// cluster is the database cluster to create.
type cluster struct {
	data     string
	scripts  string // folder of *.sql
	user     string
	database string
	password string
}

// name matches names that need no quoting, neither in a command nor in SQL.
var name = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

func settings(getenv func(string) string) (cluster, error) {
	c := cluster{data: cmp.Or(getenv("PGDATA"), "/var/lib/postgresql/data"), user: cmp.Or(getenv("POSTGRES_USER"), "postgres"), scripts: "/docker-entrypoint-initdb.d"}
	c.database = cmp.Or(getenv("POSTGRES_DB"), c.user)
	c.password = getenv("POSTGRES_PASSWORD")
	var errs []error
	for variable, value := range map[string]string{"POSTGRES_USER": c.user, "POSTGRES_DB": c.database} {
		if !name.MatchString(value) {
			errs = append(errs, fmt.Errorf("%s is %q, want lower-case letters, digits and _", variable, value))
		}
	}
	if c.password == "" || strings.ContainsAny(c.password, "\r\n") {
		errs = append(errs, errors.New("POSTGRES_PASSWORD is empty or has more than one line"))
	}
	return c, errors.Join(errs...)
}

// prepare creates the cluster if it does not exist. It creates it in another folder and
// renames that, so that an incomplete cluster is never used.
func (c cluster) prepare(stdout io.Writer) error {
	if _, err := os.Stat(filepath.Join(c.data, "PG_VERSION")); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	half := c.data + ".half"
	if err := os.RemoveAll(half); err != nil {
		return err
	}
	if err := c.initdb(half, stdout); err != nil {
		return fmt.Errorf("initdb: %w", err)
	}
	if err := c.create(half, stdout); err != nil {
		return fmt.Errorf("create the database: %w", err)
	}
	if err := c.runScripts(half, stdout); err != nil {
		return err
	}
	if err := os.Remove(c.data); err != nil && !errors.Is(err, os.ErrNotExist) { // it may exist as an empty folder
		return err
	}
	return os.Rename(half, c.data)
}

func (c cluster) initdb(dir string, stdout io.Writer) (err error) {
	file, err := os.CreateTemp("", "password")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	_, err = io.WriteString(file, c.password+"\n")
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	cmd := exec.Command("initdb", "--pgdata="+dir, "--username="+c.user, "--pwfile="+file.Name(), //nolint:gosec // names were checked
		"--encoding=UTF8", "--locale=C", "--auth-local=trust", "--auth-host=scram-sha-256")
	cmd.Stdout, cmd.Stderr = stdout, stdout
	if err := cmd.Run(); err != nil {
		return err
	}
	// initdb allows connections from this host only.
	hba, err := os.OpenFile(filepath.Join(dir, "pg_hba.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = io.WriteString(hba, "host all all all scram-sha-256\n")
	return errors.Join(err, hba.Close())
}

// create creates the database in single-user mode, without a server that others could
// connect to.
func (c cluster) create(dir string, stdout io.Writer) error {
	if c.database == "postgres" {
		return nil
	}
	return single(dir, "postgres", "CREATE DATABASE "+c.database+";\n\n", stdout)
}

// runScripts runs the files in the order of their names.
func (c cluster) runScripts(dir string, stdout io.Writer) error {
	files, err := filepath.Glob(filepath.Join(c.scripts, "*.sql")) // sorted
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := single(dir, c.database, string(text), stdout); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

// single runs statements in single-user mode, each of which ends with an empty line.
func single(dir, database, statements string, stdout io.Writer) error {
	cmd := exec.Command("postgres", "--single", "-j", "-D", dir, database) //nolint:gosec // a folder and a name of ours
	cmd.Stdin = strings.NewReader(statements)
	var output strings.Builder
	both := io.MultiWriter(stdout, &output)
	cmd.Stdout, cmd.Stderr = both, both // one writer, so that one goroutine copies
	if err := cmd.Run(); err != nil {
		return err
	}
	// The exit status is 0 even if the statement failed.
	if strings.Contains(output.String(), "ERROR:") {
		return errors.New("PostgreSQL refused the statement")
	}
	return nil
}
