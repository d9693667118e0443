package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/store"
)

// A write into a file that has been removed or replaced is not acknowledged.
func TestWritesIntoARemovedFileAreRefused(t *testing.T) {
	for name, harm := range map[string]func(file string) error{
		"everything is removed": func(file string) error {
			return errors.Join(os.Remove(file), os.Remove(file+"-wal"), os.Remove(file+"-shm"))
		},
		"the file is removed": os.Remove,
		"the log is removed":  func(file string) error { return os.Remove(file + "-wal") },
		"it is renamed":       func(file string) error { return os.Rename(file, file+".old") },
		"it is replaced": func(file string) error {
			other := file + ".new"
			return errors.Join(os.WriteFile(other, []byte("another file"), 0o600), os.Rename(other, file))
		},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "test.db")
			s, err := store.Open("sqlite:"+file, store.Options{Log: logr.Discard()})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			record := func(id string) error {
				_, err := s.Record(within(t), []domain.Interaction{{ID: id, UserID: 1, BookID: 1, Kind: domain.Like}})
				return err
			}
			if err := record("before"); err != nil {
				t.Fatal(err)
			}
			if err := harm(file); err != nil {
				t.Fatal(err)
			}
			for _, id := range []string{"after", "again"} {
				if err := record(id); !errors.Is(err, domain.ErrStoreDown) {
					t.Errorf("%s: %v, want %v", id, err, domain.ErrStoreDown)
				}
			}
		})
	}
}

// A damaged file is no fault of the caller: it is unavailable, and the log names it.
func TestADamagedFileIsUnavailable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "test.db")
	like := []domain.Interaction{{ID: "a", UserID: 1, BookID: 1, Kind: domain.Like}}
	s, err := store.Open("sqlite:"+file, store.Options{Log: logr.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Record(within(t), like)
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.Repeat([]byte("x"), 1<<16), 0o600); err != nil {
		t.Fatal(err)
	}
	var lines []string
	s, err = store.Open("sqlite:"+file, store.Options{Log: funcr.New(func(_, args string) { lines = append(lines, args) }, funcr.Options{})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for range 2 {
		if _, err := s.Record(within(t), like); !errors.Is(err, domain.ErrStoreDown) {
			t.Errorf("%v, want %v", err, domain.ErrStoreDown)
		}
	}
	if len(lines) != 1 || !strings.Contains(lines[0], file) || !strings.Contains(lines[0], "not a database") {
		t.Errorf("log %q, want one line with the file and the cause", lines)
	}
}
