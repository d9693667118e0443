//go:build large

package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"bookstall/internal/test/pgtest"
)

// The size of goodbooks-10k.
const (
	largeBooks   = 10_000
	largeReaders = 53_424
	largeRatings = 6_000_000
)

// TestLarge measures import, training and start at the size of goodbooks-10k, with
// the real program, on both databases. Its limits are those of docs/performance.md.
func TestLarge(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "recommendations")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	books, ratings := filepath.Join(dir, "books.csv"), filepath.Join(dir, "ratings.csv.gz")
	makeLarge(t, books, ratings)
	for name, url := range map[string]string{
		"sqlite":   "sqlite:" + filepath.Join(dir, "large.db"),
		"postgres": pgtest.Start(t).NewDatabase(),
	} {
		t.Run(name, func(t *testing.T) { measureLarge(t, program, url, books, ratings) })
	}
}

func measureLarge(t *testing.T, program, url, books, ratings string) {
	t.Helper()
	flag := "--store=" + url
	took, peak, out := timed(t, "", program, "import", flag, "--books", books, "--ratings", ratings)
	t.Logf("import: %v, at most %d MB: %s", took, peak, summary(out))
	atMost(t, "import", took, time.Minute)

	took, peak, out = timed(t, "", program, "import", flag, "--books", books, "--ratings", ratings)
	t.Logf("the same again: %v, at most %d MB", took, peak)
	if !strings.Contains(out, "nothing changed") && !strings.Contains(out, "the last counts") {
		t.Errorf("the same again: %s", out)
	}

	took, peak, out = timed(t, "1", program, "train", flag, "--no-measure", "--workers=1")
	t.Logf("train on one core, with reading and writing: %v, at most %d MB: %s", took, peak, strings.TrimSpace(out))
	trained := regexp.MustCompile(` in ([0-9.a-z]+)\n`).FindStringSubmatch(out)
	if d, err := time.ParseDuration(trained[1]); err != nil {
		t.Error(err)
	} else {
		atMost(t, "training", d, 5*time.Second)
	}
	if peak > 600 {
		t.Errorf("training took %d MB, want 600", peak)
	}
	size, err := strconv.Atoi(regexp.MustCompile(`, (\d+) bytes`).FindStringSubmatch(out)[1])
	if err != nil || size > 4_000_000 {
		t.Errorf("the model has %d bytes, want at most 4,000,000 (%v)", size, err)
	}
	startLarge(t, program, flag)
}

// startLarge measures from the start of the process to SERVING, and its memory.
func startLarge(t *testing.T, program, flag string) {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := lis.Addr().String()
	_ = lis.Close()
	var out bytes.Buffer
	cmd := exec.Command(program, "serve", flag, "--grpc-address="+address, "--admin-address=127.0.0.1:0", "--drain-delay=0s")
	cmd.Stderr = &out
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = cmd.Process.Kill(), cmd.Wait() }()
	quick := backoff.Config{BaseDelay: 5 * time.Millisecond, Multiplier: 1, MaxDelay: 5 * time.Millisecond} // so that the client's backoff is not measured
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: quick, MinConnectTimeout: time.Second}))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	watch, err := healthpb.NewHealthClient(conn).Watch(ctx, &healthpb.HealthCheckRequest{}, grpc.WaitForReady(true))
	if err != nil {
		t.Fatal(err)
	}
	for {
		resp, err := watch.Recv()
		if err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		if resp.GetStatus() == healthpb.HealthCheckResponse_SERVING {
			break
		}
	}
	took := time.Since(began)
	memory := residentMB(t, cmd.Process.Pid)
	t.Logf("start to SERVING: %v; then %d MB", took, memory)
	atMost(t, "the start", took, time.Second)
	if memory > 150 {
		t.Errorf("%d MB with all histories, want 150", memory)
	}
}

func atMost(t *testing.T, what string, got, most time.Duration) {
	t.Helper()
	if got > most {
		t.Errorf("%s took %v, want at most %v", what, got, most)
	}
}

// timed runs a command and returns its duration, its peak memory in MB, and its
// output.
func timed(t *testing.T, procs, name string, args ...string) (time.Duration, int64, string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = os.Environ()
	if procs != "" {
		cmd.Env = append(cmd.Env, "GOMAXPROCS="+procs)
	}
	began := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return time.Since(began).Round(10 * time.Millisecond), usage.Maxrss >> 10, string(out)
}

func residentMB(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	kB, err := strconv.ParseInt(regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindStringSubmatch(string(status))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kB >> 10
}

// summary returns the line about what was read.
func summary(out string) string { return regexp.MustCompile(`(?m)^read .*$`).FindString(out) }

// makeLarge writes books, and ratings in random order: three tastes per reader,
// popularity that falls as in real data, two of three ratings positive.
func makeLarge(t *testing.T, books, ratings string) {
	t.Helper()
	b := create(t, books)
	fmt.Fprintln(b, "book_id,title,author,year,categories,popularity")
	for id := range largeBooks {
		fmt.Fprintf(b, "%d,Title of book %d,Author %d,1990,fiction,%d\n", id+1, id+1, id/3, largeBooks-id)
	}
	r := create(t, ratings)
	w := gzip.NewWriter(r)
	const kinds = 40
	rng := rand.New(rand.NewPCG(7, 11))
	draw := func(n int) int { return int(float64(n) * math.Pow(rng.Float64(), 2)) }
	fmt.Fprintln(w, "user_id,book_id,rating")
	var row []byte
	for range largeRatings {
		user := 1 + rng.IntN(largeReaders)
		book := draw(largeBooks)
		if rng.IntN(5) > 0 {
			taste := (user*[3]int{7, 11, 13}[rng.IntN(3)] + user/kinds) % kinds
			book = min(draw(largeBooks/kinds)*kinds+taste, largeBooks-1)
		}
		row = strconv.AppendInt(row[:0], int64(user), 10)
		row = append(row, ',')
		row = strconv.AppendInt(row, int64(book+1), 10)
		row = append(row, ',', "345"[min(2, rng.IntN(3))], '\n')
		if _, err := w.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, f := range []*bufio.Writer{b, r} {
		if err := f.Flush(); err != nil {
			t.Fatal(err)
		}
	}
}

func create(t *testing.T, path string) *bufio.Writer {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return bufio.NewWriter(f)
}
