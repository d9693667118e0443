package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"bookstall/internal/atomicfile"
)

// prepare checks the binaries and the addresses, and makes the cookie key and certificates,
// before the first process starts. It returns the layout that can run on this machine, and a note
// for the user if that differs from l.
func prepare(l layout) (_ layout, note string, _ error) {
	// Absolute, because exec looks up a bare name in PATH.
	bin, err := filepath.Abs(l.bin)
	if err != nil {
		return l, "", err
	}
	l.bin = bin
	if err := checkBinaries(l); err != nil {
		return l, "", err
	}
	l, note, err = checkAddresses(l)
	if err != nil {
		return l, "", err
	}
	return l, note, errors.Join(ensureKey(l), ensureCerts(l), ensurePrometheus(l))
}

// ensureCerts makes certificates, or new ones: those of the last run may have expired.
func ensureCerts(l layout) error {
	if l.certLife == 0 {
		return nil
	}
	made, err := l.certs().Create()
	if err != nil || made {
		return err
	}
	return l.certs().Renew()
}

func checkBinaries(l layout) error {
	var errs []error
	for _, name := range []string{"marketplace", "recommendations"} {
		path := filepath.Join(l.bin, name)
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			errs = append(errs, fmt.Errorf("%s does not exist; run make build", path))
		case err != nil:
			errs = append(errs, err)
		case !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0:
			errs = append(errs, fmt.Errorf("%s is not a program", path))
		}
	}
	return errors.Join(errs...)
}

// ensureKey makes the key that signs cookies, if there is none: with the same key,
// readers keep their shelves over restarts.
func ensureKey(l layout) error {
	if err := os.MkdirAll(l.state, 0o700); err != nil {
		return err
	}
	switch _, err := os.Stat(l.keyFile()); {
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	key := make([]byte, 32)
	rand.Read(key) // never fails
	return atomicfile.WriteFile(l.keyFile(), []byte(hex.EncodeToString(key)), 0o600)
}
