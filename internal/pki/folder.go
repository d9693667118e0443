package pki

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"bookstall/internal/atomicfile"
)

// Files of a Folder, and of the folder of a program in it, which are those of a Secret of
// cert-manager.
const (
	caFile   = "ca.crt"
	caKey    = "ca.key"
	leafFile = "tls.crt"
	leafKey  = "tls.key"
)

// Program is a program that has a certificate in a Folder.
type Program struct {
	Name  string   // of its folder
	Names []string // in its certificate; empty for those of the present one
	Usage x509.ExtKeyUsage
}

// Programs returns both programs, with names in a domain that is also the trust domain of
// their SPIFFE IDs; without names if it is empty.
func Programs(domain string) []Program {
	list := []Program{
		{Name: "marketplace", Usage: x509.ExtKeyUsageClientAuth},
		{Name: "recommendations", Usage: x509.ExtKeyUsageServerAuth},
	}
	for i := range list {
		if name := list[i].Name; domain != "" {
			list[i].Names = []string{name, name + "." + domain, "spiffe://" + domain + "/" + name}
		}
	}
	return list
}

// Folder is a CA and the certificates of the programs, in files:
//
//	ca.crt            the CAs to trust, the one that signs first
//	ca.key            the key of the CA that signs
//	NAME/tls.crt      the certificate of a program
//	NAME/tls.key      its key
//	NAME/ca.crt       a copy of ca.crt
//
// Each file is replaced whole. A program may read a new certificate with the old key in
// between, and reads both again then.
type Folder struct {
	Path     string
	Programs []Program
	Life     time.Duration // of a program's certificate
	CALife   time.Duration
}

// Create makes the CA and the certificates, unless there is a CA. Then it does nothing, and
// made is false.
func (f Folder) Create() (made bool, err error) {
	switch _, err := os.Stat(filepath.Join(f.Path, caKey)); {
	case err == nil:
		return false, nil
	case !errors.Is(err, fs.ErrNotExist):
		return false, err
	}
	if err := f.addCA(nil); err != nil {
		return false, err
	}
	return true, f.Renew()
}

// AddCA makes a new CA, which signs from now on, and has the previous one trusted beside it:
// certificates that exist stay valid. Renew the certificates once every program trusts the
// new CA, and then DropCA.
func (f Folder) AddCA() error {
	trusted, err := f.trusted()
	if err != nil {
		return err
	}
	if len(trusted) > 1 {
		return errors.New("the CA before the last is trusted still; drop it first")
	}
	return f.addCA(trusted)
}

func (f Folder) addCA(trusted []*x509.Certificate) error {
	ca, err := NewCA("Bookstall CA "+time.Now().UTC().Format("2006-01-02 15:04:05"), f.CALife)
	if err != nil {
		return err
	}
	pair, err := ca.Pair()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.Path, 0o700); err != nil {
		return err
	}
	// The key comes last: with it, the new CA begins to sign.
	return errors.Join(
		f.trust(append([]*x509.Certificate{ca.Cert}, trusted...)),
		atomicfile.WriteFile(filepath.Join(f.Path, caKey), pair.Key, 0o600),
	)
}

// DropCA ends trust in all CAs but the one that signs.
func (f Folder) DropCA() error {
	trusted, err := f.trusted()
	if err != nil {
		return err
	}
	if len(trusted) < 2 {
		return fmt.Errorf("%s trusts one CA alone: there is no previous one to drop", f.Path)
	}
	for _, p := range f.Programs {
		leaf, err := f.Leaf(p.Name)
		if err != nil {
			return err
		}
		if err := leaf.CheckSignatureFrom(trusted[0]); err != nil {
			return fmt.Errorf("the certificate of %s is signed by the previous CA still; renew it first", p.Name)
		}
	}
	return f.trust(trusted[:1])
}

// Renew makes new certificates for all programs.
func (f Folder) Renew() error {
	bundle, err := os.ReadFile(filepath.Join(f.Path, caFile))
	if err != nil {
		return err
	}
	key, err := os.ReadFile(filepath.Join(f.Path, caKey))
	if err != nil {
		return err
	}
	ca, err := ParseCA(Pair{Cert: bundle, Key: key})
	if err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	for _, p := range f.Programs {
		names := p.Names
		if len(names) == 0 {
			if names, err = f.Names(p.Name); err != nil {
				return err
			}
		}
		template, err := Leaf(names, p.Usage, f.Life)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		if template.NotAfter.After(ca.Cert.NotAfter) {
			return fmt.Errorf("%s: a certificate until %s would outlive its CA, which ends %s: make a new CA",
				p.Name, template.NotAfter.UTC().Format(time.DateOnly), ca.Cert.NotAfter.UTC().Format(time.DateOnly))
		}
		pair, err := ca.Issue(template)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		err = errors.Join(
			os.MkdirAll(f.of(p, ""), 0o700),
			atomicfile.WriteFile(f.of(p, caFile), bundle, 0o644),
			atomicfile.WriteFile(f.of(p, leafKey), pair.Key, 0o600),
			atomicfile.WriteFile(f.of(p, leafFile), pair.Cert, 0o644),
		)
		if err != nil {
			return err
		}
	}
	return nil
}

// Keep renews the certificates each time that half of their life has passed, until ctx ends.
// It calls renewed after each time.
func (f Folder) Keep(ctx context.Context, renewed func()) error {
	for {
		at, err := f.renewAt()
		if err != nil {
			return err
		}
		timer := time.NewTimer(time.Until(at))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		if err := f.Renew(); err != nil {
			return err
		}
		renewed()
	}
}

// Names returns the names in a program's certificate, its SPIFFE ID first.
func (f Folder) Names(program string) ([]string, error) {
	cert, err := f.Leaf(program)
	if err != nil {
		return nil, err
	}
	return Names(cert), nil
}

// renewAt returns when half of the life of a certificate will have passed, the first of all.
func (f Folder) renewAt() (time.Time, error) {
	var first time.Time
	for _, p := range f.Programs {
		leaf, err := f.Leaf(p.Name)
		if err != nil {
			return first, err
		}
		if half := leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) / 2); first.IsZero() || half.Before(first) {
			first = half
		}
	}
	return first, nil
}

// Files returns the paths of a program's certificate, its key and the CAs to trust.
func (f Folder) Files(name string) (cert, key, ca string) {
	p := Program{Name: name}
	return f.of(p, leafFile), f.of(p, leafKey), f.of(p, caFile)
}

func (f Folder) of(p Program, file string) string { return filepath.Join(f.Path, p.Name, file) }

// Leaf returns a program's certificate.
func (f Folder) Leaf(program string) (*x509.Certificate, error) {
	list, err := parseFile(f.of(Program{Name: program}, leafFile))
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// trusted returns the CAs that are trusted, the one that signs first.
func (f Folder) trusted() ([]*x509.Certificate, error) {
	return parseFile(filepath.Join(f.Path, caFile))
}

// trust has these CAs trusted, by all programs that have a certificate.
func (f Folder) trust(list []*x509.Certificate) error {
	var bundle bytes.Buffer
	for _, ca := range list {
		if err := pem.Encode(&bundle, &pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}); err != nil {
			return err
		}
	}
	if err := atomicfile.WriteFile(filepath.Join(f.Path, caFile), bundle.Bytes(), 0o644); err != nil {
		return err
	}
	for _, p := range f.Programs {
		switch _, err := os.Stat(f.of(p, "")); {
		case errors.Is(err, fs.ErrNotExist): // its first certificate is still to come
		case err != nil:
			return err
		default:
			if err := atomicfile.WriteFile(f.of(p, caFile), bundle.Bytes(), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

func parseFile(path string) ([]*x509.Certificate, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	list, err := ParseCertificates(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list, nil
}
