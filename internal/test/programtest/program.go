// Package programtest runs a whole program inside a test: it calls the program's run
// function, stops it as SIGTERM would, and parses its log.
package programtest

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"bookstall/internal/lab/fleet"
)

// Build returns a folder with both built programs: $BOOKSTALL_TEST_BIN, in which
// make test has built them once for all packages, or a new folder. Under -short, as
// in make check, the test is skipped: it would start processes.
func Build(tb testing.TB) string {
	tb.Helper()
	if testing.Short() {
		tb.Skip("SKIP (-short): starts the built programs")
	}
	if shared := os.Getenv("BOOKSTALL_TEST_BIN"); shared != "" {
		return shared
	}
	bin := tb.TempDir()
	if err := fleet.Build(tb.Context(), bin); err != nil {
		tb.Fatal(err)
	}
	return bin
}

// Run is the run function of a program.
type Run func(ctx context.Context, args []string, stdout, stderr io.Writer) error

// Program is a running program.
type Program struct {
	Stop  func()     // stops the program, as SIGTERM would
	Ended chan error // receives one value: what run returned

	listening map[string]any

	mu   sync.Mutex
	logs []map[string]any
}

// Start runs a program until the end of the test, and returns when its log says
// where it listens.
func Start(t *testing.T, run Run, args ...string) *Program {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	logs, stderr := io.Pipe()
	p := &Program{Stop: cancel, Ended: make(chan error, 1)}
	go func() {
		err := run(ctx, args, io.Discard, stderr)
		_ = stderr.Close() // of a pipe: cannot fail
		p.Ended <- err
	}()
	listening := make(chan map[string]any, 1)
	var reader sync.WaitGroup
	reader.Go(func() {
		for lines := bufio.NewScanner(logs); lines.Scan(); {
			var line map[string]any
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
				t.Errorf("log line is not JSON: %s", lines.Text())
				continue
			}
			p.mu.Lock()
			p.logs = append(p.logs, line)
			p.mu.Unlock()
			if line["msg"] == "listening" {
				listening <- line
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		reader.Wait()
	})
	select {
	case p.listening = <-listening:
	case err := <-p.Ended:
		t.Fatalf("the program ended before it listened: %v", err)
	}
	return p
}

// Address returns the address under a key of the log line "listening".
func (p *Program) Address(key string) string {
	text, _ := p.listening[key].(string)
	return text
}

// Lines returns the log lines with the given message.
func (p *Program) Lines(msg string) (list []map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.logs {
		if l["msg"] == msg {
			list = append(list, l)
		}
	}
	return list
}

// Get fetches a URL on a new connection and returns the response with its body, which
// is closed. The header is given as keys and values in turn.
func Get(t *testing.T, url string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}
