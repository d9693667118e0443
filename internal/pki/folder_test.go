package pki

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func folder(t *testing.T) Folder {
	t.Helper()
	return Folder{
		Path: filepath.Join(t.TempDir(), "certs"), Life: time.Hour, CALife: 24 * time.Hour,
		Programs: []Program{
			{Name: "marketplace", Names: []string{"marketplace", "spiffe://shop.test/marketplace"}, Usage: x509.ExtKeyUsageClientAuth},
			{Name: "recommendations", Names: []string{"recommendations"}, Usage: x509.ExtKeyUsageServerAuth},
		},
	}
}

// valid returns an error unless the certificate of a program, with its key, is one that
// another program trusts.
func valid(t *testing.T, f Folder, name, by string, usage x509.ExtKeyUsage) error {
	t.Helper()
	cert, key, _ := f.Files(name)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	_, _, ca := f.Files(by)
	bundle, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(bundle)
	_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{usage}})
	return err
}

func TestFolder(t *testing.T) {
	f := folder(t)
	check := func(step string) {
		t.Helper()
		if err := valid(t, f, "marketplace", "recommendations", x509.ExtKeyUsageClientAuth); err != nil {
			t.Errorf("%s: marketplace: %v", step, err)
		}
		if err := valid(t, f, "recommendations", "marketplace", x509.ExtKeyUsageServerAuth); err != nil {
			t.Errorf("%s: recommendations: %v", step, err)
		}
	}
	content := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(f.Path, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if made, err := f.Create(); err != nil || !made {
		t.Fatalf("created: %v, %v", made, err)
	}
	check("created")
	if err := valid(t, f, "marketplace", "recommendations", x509.ExtKeyUsageServerAuth); err == nil {
		t.Error("the shop's certificate is valid for a server")
	}
	ca, leaf := content("ca.crt"), content("marketplace/tls.crt")
	if made, err := f.Create(); err != nil || made || content("ca.crt") != ca {
		t.Errorf("created again: %v, %v", made, err)
	}
	if at, err := f.renewAt(); err != nil || time.Until(at) > 30*time.Minute || time.Until(at) < 28*time.Minute {
		t.Errorf("renew at %v, %v, want in half an hour", at, err)
	}
	if err := f.Renew(); err != nil || content("marketplace/tls.crt") == leaf {
		t.Errorf("renewed: %v", err)
	}
	check("renewed")

	// Roll-over: at each step both programs trust each other.
	if err := f.AddCA(); err != nil {
		t.Fatal(err)
	}
	check("a new CA")
	if err := f.AddCA(); err == nil {
		t.Error("a third CA was added")
	}
	if err := f.DropCA(); err == nil || !strings.Contains(err.Error(), "marketplace") {
		t.Errorf("dropped the CA that certificates need: %v", err)
	}
	if err := f.Renew(); err != nil {
		t.Fatal(err)
	}
	check("renewed by the new CA")
	if err := f.DropCA(); err != nil {
		t.Fatal(err)
	}
	check("without the previous CA")
	if strings.Contains(content("recommendations/ca.crt"), strings.TrimSpace(ca)) {
		t.Error("the previous CA is trusted still")
	}
}

func TestKeysAreForTheOwnerAlone(t *testing.T) {
	f := folder(t)
	if _, err := f.Create(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{"": 0o700, "ca.key": 0o600, "marketplace/tls.key": 0o600, "marketplace/tls.crt": 0o644} {
		info, err := os.Stat(filepath.Join(f.Path, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%q: %v, want %v", name, info.Mode().Perm(), want)
		}
	}
}
