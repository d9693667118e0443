package main

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/load"
	"bookstall/internal/test/programtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestARealShop runs the load against the built programs, as it depends on their
// pages, their API and their metrics.
func TestARealShop(t *testing.T) {
	bin := programtest.Build(t)
	f, err := fleet.Start(fleet.Config{Bin: bin, Replicas: 2, MarketplaceArgs: []string{"--recommendations-timeout=5s", "--api-token=open-sesame"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	t.Setenv(tokenVariable, "open-sesame")
	file := filepath.Join(t.TempDir(), "report.json")
	var out, errOut bytes.Buffer
	args := []string{"-shop", f.URL, "-rate", "50", "-duration", "3s", "-json", "-report", file}
	for _, r := range f.Replicas() {
		args = append(args, "-replica", r.Admin)
	}
	if err := run(t.Context(), args, &out, &errOut); err != nil {
		t.Fatal(err)
	}
	var r load.Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil || strings.Count(out.String(), "\n") != 1 {
		t.Fatalf("standard output: %v, want a report on one line, got\n%s", err, out.String())
	}
	// Calls may be late on a busy machine; they cannot be anything else.
	if r.Calls != 150 || r.Full+r.Late != 150 || r.Retried != 0 {
		t.Errorf("%v, reasons %v; want 150 calls, full or late\n%s", r.Counts, r.Reasons, errOut.String())
	}
	if r.ReplicasFrom != "metrics" || len(r.Replicas) != 2 || math.Abs(r.Replicas[0].Share-0.5) > 0.02 {
		t.Errorf("from %s: %+v; want even shares of two replicas from metrics", r.ReplicasFrom, r.Replicas)
	}
	if !strings.Contains(errOut.String(), "in all 3 s: 150 calls") {
		t.Errorf("no line about all 150 calls in\n%s", errOut.String())
	}
	var again load.Report
	if text, err := os.ReadFile(file); err != nil || json.Unmarshal(text, &again) != nil || again.Calls != r.Calls {
		t.Errorf("%s: %d calls, %v; want %d", file, again.Calls, err, r.Calls)
	}

	for _, replica := range f.Replicas() {
		if err := replica.Stop(10 * time.Second); err != nil {
			t.Error(err)
		}
	}
	out.Reset()
	if err := run(t.Context(), []string{"-shop", f.URL, "-rate", "50", "-duration", "1s", "-json"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	var alone load.Report
	if err := json.Unmarshal(out.Bytes(), &alone); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []load.Kind{load.Front, load.Book, load.APIKnown, load.APIUnknown} {
		if c := alone.Kinds[kind]; c.Calls == 0 || c.Fallback+c.Late != c.Calls {
			t.Errorf("without replicas, %s: %v, reasons %v; want fallback only", kind, c, alone.Reasons)
		}
	}
	if len(alone.Beyond(load.Limits{FallbackShare: 0.02})) == 0 {
		t.Errorf("without replicas: %v is within the limits", alone.Counts)
	}
}

func TestBadFlagsAreNamed(t *testing.T) {
	for want, args := range map[string][]string{
		"want http://HOST":        {"-shop=shop"},
		"rate -1":                 {"-rate=-1"},
		"unknown argument":        {"steady"},
		"exclude each other":      {"-replica=http://a", "-replicas-dns=b:1"},
		"want NAME:PORT":          {"-replicas-dns=b"},
		"such as 5-9":             {"-readers=1,9-5"},
		"provided but not define": {"-colour=red"},
	} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("run(%q) = %v, want an error with %q", args, err, want)
		}
	}
	var usage bytes.Buffer
	t.Setenv(tokenVariable, "open-sesame")
	if err := run(t.Context(), []string{"-help"}, io.Discard, &usage); err != nil || strings.Contains(usage.String(), "sesame") {
		t.Errorf("-help: %v, want no error and no token in\n%s", err, usage.String())
	}
	if got, err := ids("3,5-7"); err != nil || len(got) != 4 || got[3] != 7 {
		t.Errorf("ids(3,5-7) = %v, %v; want 3, 5, 6 and 7", got, err)
	}
}
