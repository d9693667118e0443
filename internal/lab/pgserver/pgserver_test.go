package pgserver

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"
)

// start starts a server for a test.
func start(t *testing.T) *Server {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIP (-short): starts a PostgreSQL")
	}
	s, err := Start()
	if errors.Is(err, ErrMissing) {
		t.Skipf("SKIP (counted): %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// ask runs a query and returns why it was not answered in time.
func (s *Server) ask(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	cmd := s.command("psql", "-X", "-q", "-d", "postgres", "-c", "SELECT 1")
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		_ = cmd.Process.Kill()
		return errors.Join(ctx.Err(), <-done)
	}
}

func TestAPausedServerIsSilentAndContinues(t *testing.T) {
	s := start(t)
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	if err := s.ask(t.Context(), 300*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("query while paused: %v, want no answer in time", err)
	}
	s.Resume()
	if err := s.ask(t.Context(), 20*time.Second); err != nil {
		t.Errorf("query after Resume: %v", err)
	}
	s.Kill()
	var refused *exec.ExitError
	if err := s.ask(t.Context(), 20*time.Second); !errors.As(err, &refused) {
		t.Errorf("query after Kill: %v, want a refusal", err)
	}
	if err := s.Run(); err != nil {
		t.Fatal(err)
	}
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	s.Close() // a paused one as well
	if _, err := os.Stat(s.Dir()); !os.IsNotExist(err) {
		t.Errorf("folder %s after Close: %v, want it removed", s.Dir(), err)
	}
}

func TestLastLines(t *testing.T) {
	for log, want := range map[string]string{"": "", "one\n": "one", "1\n2\n3\n4\n5\n": "3 | 4 | 5"} {
		if got := lastLines(log); got != want {
			t.Errorf("lastLines(%q) = %q, want %q", log, got, want)
		}
	}
}
