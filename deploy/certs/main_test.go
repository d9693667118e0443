package main

import (
	"context"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bookstall/internal/pki"
)

// TestRollOver takes the commands in the order of docs/tls.md.
func TestRollOver(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "certs")
	do := func(args ...string) error {
		return run(t.Context(), append([]string{"--dir=" + dir}, args...), io.Discard, io.Discard)
	}
	if err := do("renew"); err == nil {
		t.Error("renewed without a CA")
	}
	if err := do("show"); err == nil {
		t.Error("showed certificates that there are not")
	}
	for _, args := range []string{
		"init --recommendations=a-recommendations.b.svc,spiffe://x/recommendations", "init", "renew", "add-ca", "renew", "drop-ca", "show",
	} {
		if err := do(strings.Fields(args)...); err != nil {
			t.Fatalf("%s: %v", args, err)
		}
	}
	for args, want := range map[string]string{
		"drop-ca": "no previous one", "--life=-1h renew": "--life is -1h", "--life=87601h --ca-life=90000h renew": "would outlive its CA", "--life=999999h renew": "--ca-life",
	} {
		if err := do(strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", args, err, want)
		}
	}
	for program, want := range map[string][]string{
		"marketplace":     {"spiffe://bookstall.test/marketplace", "marketplace", "marketplace.bookstall.test"},
		"recommendations": {"spiffe://x/recommendations", "a-recommendations.b.svc"},
	} {
		got, err := pki.Folder{Path: dir}.Names(program)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: names %q, want %q", program, got, want)
		}
	}
}

func TestKeepRenews(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out, writer := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"--dir=" + t.TempDir() + "/certs", "--life=2s", "keep"}, writer, io.Discard)
		writer.Close()
	}()
	text := make([]byte, 1<<10)
	var all string
	for !strings.Contains(all, "renewed") {
		n, err := out.Read(text)
		if err != nil {
			t.Fatal(err)
		}
		all += string(text[:n])
	}
	cancel()
	go func() { _, _ = io.Copy(io.Discard, out) }() // it may be about to say that it renewed once more
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("does not stop")
	}
}
