package main

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// TestPack packs a program of this system that is linked with the C library.
func TestPack(t *testing.T) {
	if _, err := exec.LookPath("ldd"); err != nil {
		t.Skip("SKIP (counted): no ldd, which lists shared libraries")
	}
	file := filepath.Join(t.TempDir(), "cat.tar")
	if err := run([]string{"-o", file, "-tag", "bookstall/cat:test", "/bin/cat"}, io.Discard); err != nil {
		t.Fatal(err)
	}
	img, err := tarball.ImageFromPath(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(img); err != nil {
		t.Error(err)
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Config.User != user || !slices.Equal(cfg.Config.Entrypoint, []string{"/bin/cat"}) || cfg.OS != "linux" {
		t.Errorf("config %+v for %s, want user %s and entrypoint /bin/cat for linux", cfg.Config, cfg.OS, user)
	}
	libraries, err := shared("/bin/cat", "/")
	if err != nil || !slices.ContainsFunc(libraries, func(l string) bool { return strings.Contains(l, "/libc.so") }) {
		t.Errorf("libraries of /bin/cat: %v, %v; want libc", libraries, err)
	}
}

// TestPackMore packs additional files, some of them from another root.
func TestPackMore(t *testing.T) {
	if _, err := exec.LookPath("ldd"); err != nil {
		t.Skip("SKIP (counted): no ldd, which lists shared libraries")
	}
	other := t.TempDir()
	for name, text := range map[string]string{"share/one": "1", "share/deep/two": "2"} {
		file := filepath.Join(other, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "cat.tar")
	err := run([]string{
		"-o", file, "-tag", "bookstall/cat:test", "-root", other, "-path", "/bin:/usr/bin", "-stop-signal", "SIGINT",
		"/bin/cat", "/share", "/bin/sh",
	}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	img, err := tarball.ImageFromPath(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(cfg.Config.Env, []string{"PATH=/bin:/usr/bin"}) || cfg.Config.StopSignal != "SIGINT" {
		t.Errorf("config %+v, want PATH=/bin:/usr/bin and SIGINT", cfg.Config)
	}
	content := mutate.Extract(img)
	defer content.Close()
	got := map[string]bool{}
	for r := tar.NewReader(content); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		got[h.Name] = true
	}
	for _, want := range []string{"bin/cat", "bin/sh", "share/one", "share/deep/two", "etc/passwd"} {
		if !got[want] {
			t.Errorf("no %s in %v", want, got)
		}
	}
}

func TestWhatCannotBePacked(t *testing.T) {
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "image.tar")
	for want, args := range map[string][]string{
		"-o, -tag and a program":   {"-o", out},
		"not a program for Linux":  {"-o", out, "-tag", "a:b", script},
		"want an absolute path":    {"-o", out, "-tag", "a:b", "/bin/cat", "etc"},
		"no such file":             {"-o", out, "-tag", "a:b", "/bin/cat", "/etc/none"},
		"can only contain the cha": {"-o", out, "-tag", "A b:c", script},
	} {
		if err := run(args, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("run(%q) = %v, want an error with %q", args, err, want)
		}
	}
}
