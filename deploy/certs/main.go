// Command certs makes and renews the certificates of mutual TLS between the shop and
// recommendations, in files. docs/tls.md describes how to use it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"bookstall/internal/config"
	"bookstall/internal/pki"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "certs:", err)
		os.Exit(1)
	}
}

// commands are the program's commands.
type commands struct {
	Dir    string        `help:"Folder of the CA and the certificates." default:"certs"`
	Life   time.Duration `help:"How long a certificate is valid." default:"2160h"`
	CALife time.Duration `name:"ca-life" help:"How long a CA is valid." default:"87600h"`

	Init   initialise `cmd:"" help:"Make a CA and the certificates of both programs, unless there are any."`
	Renew  renew      `cmd:"" help:"Make new certificates for both programs, with the names of the present ones. Programs that run use them for their next connection."`
	AddCA  addCA      `cmd:"" name:"add-ca" help:"Begin the roll-over of the CA: make a new one, which signs from now on, and trust both. Then give every program the time to read the new ca.crt (ten seconds, in Kubernetes two minutes), renew, and drop-ca."`
	DropCA dropCA     `cmd:"" name:"drop-ca" help:"End the roll-over of the CA: trust the new one alone. Refused as long as a certificate is signed by the previous one."`
	Show   show       `cmd:"" help:"Print the names of the certificates and when they expire. The exit status is 1 if one is missing or has expired."`
	Keep   keep       `cmd:"" help:"Init, then renew each time that half of a certificate's life has passed, until the program is stopped."`
}

// Validate checks the lives.
func (c *commands) Validate() error {
	switch {
	case c.Life < time.Second:
		return fmt.Errorf("--life is %v, want a second at least", c.Life)
	case c.CALife < c.Life:
		return fmt.Errorf("--ca-life is %v, less than --life (%v): nobody would trust such a certificate to its end", c.CALife, c.Life)
	}
	return nil
}

func (c *commands) folder() pki.Folder {
	return pki.Folder{Path: c.Dir, Programs: pki.Programs(""), Life: c.Life, CALife: c.CALife}
}

// names are the names in new certificates.
type names struct {
	Domain          string   `help:"Trust domain of the SPIFFE IDs, and domain of the DNS names, unless names are given." default:"bookstall.test"`
	Marketplace     []string `help:"DNS names and SPIFFE IDs of the shop." placeholder:"NAME"`
	Recommendations []string `help:"DNS names and SPIFFE IDs of the replicas. The shop wants the host of its target among them, or --tls-server-name." placeholder:"NAME"`
}

// create makes what there is not.
func (n names) create(c *commands, stdout io.Writer) (pki.Folder, error) {
	folder := c.folder()
	folder.Programs = pki.Programs(n.Domain)
	for i, list := range [][]string{n.Marketplace, n.Recommendations} {
		if len(list) > 0 {
			folder.Programs[i].Names = list
		}
	}
	made, err := folder.Create()
	if err == nil && made {
		_, err = fmt.Fprintf(stdout, "%s: a CA and certificates for %s and %s\n", folder.Path, folder.Programs[0].Name, folder.Programs[1].Name)
	}
	return c.folder(), err
}

type initialise struct{ names }

func (i initialise) Run(c *commands, stdout io.Writer) error {
	_, err := i.create(c, stdout)
	return err
}

type renew struct{}

func (renew) Run(c *commands) error { return c.folder().Renew() }

type addCA struct{}

func (addCA) Run(c *commands) error { return c.folder().AddCA() }

type dropCA struct{}

func (dropCA) Run(c *commands) error { return c.folder().DropCA() }

type show struct{}

func (show) Run(c *commands, stdout io.Writer) error {
	var errs []error
	for _, p := range pki.Programs("") {
		cert, err := c.folder().Leaf(p.Name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if time.Now().After(cert.NotAfter) {
			errs = append(errs, fmt.Errorf("the certificate of %s has expired", p.Name))
		}
		fmt.Fprintf(stdout, "%s: until %s: %s\n", p.Name, cert.NotAfter.UTC().Format(time.RFC3339), strings.Join(pki.Names(cert), ", "))
	}
	return errors.Join(errs...)
}

type keep struct{ names }

func (k keep) Run(ctx context.Context, c *commands, stdout io.Writer) error {
	folder, err := k.create(c, stdout)
	if err != nil {
		return err
	}
	return folder.Keep(ctx, func() { fmt.Fprintf(stdout, "%s: renewed\n", folder.Path) })
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	return config.Run(ctx, config.Program{
		Name:        "certs",
		Description: "Certificates for mutual TLS between the programs of Bookstall: a CA, and a certificate for each.",
		EnvPrefix:   "CERTS",
	}, &commands{}, args, config.Streams{Out: stdout, Err: stderr})
}
