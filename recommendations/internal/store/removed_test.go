package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/store"
)

// A write into a file that has been removed or replaced is refused and has no effect, neither
// here nor for a process that finds the file in its place again; nor is anything read from it.
// With the file back, the store goes on. What was acknowledged before its log was removed is
// in the file once the store is closed.
func TestWritesIntoARemovedFileAreRefused(t *testing.T) {
	back := map[string]func(file string) error{
		"it is renamed": func(file string) error { return os.Rename(file+".old", file) },
		"all is renamed": func(file string) error {
			return errors.Join(os.Rename(file+".old", file), os.Rename(file+".old-wal", file+"-wal"), os.Rename(file+".old-shm", file+"-shm"))
		},
	}
	logs := []string{"the log is removed", "its index is removed", "both are removed", "the log is made anew"}
	for name, harm := range map[string]func(file string) error{
		"all is renamed": func(file string) error {
			return errors.Join(os.Rename(file, file+".old"), os.Rename(file+"-wal", file+".old-wal"), os.Rename(file+"-shm", file+".old-shm"))
		},
		"everything is removed": func(file string) error {
			return errors.Join(os.Remove(file), os.Remove(file+"-wal"), os.Remove(file+"-shm"))
		},
		"the file is removed":  os.Remove,
		"the log is removed":   func(file string) error { return os.Remove(file + "-wal") },
		"its index is removed": func(file string) error { return os.Remove(file + "-shm") },
		"both are removed":     func(file string) error { return errors.Join(os.Remove(file+"-wal"), os.Remove(file+"-shm")) },
		"the log is made anew": func(file string) error {
			return errors.Join(os.Remove(file+"-wal"), os.WriteFile(file+"-wal", nil, 0o600))
		},
		"it is renamed": func(file string) error { return os.Rename(file, file+".old") },
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
			closed := sync.OnceValue(s.Close)
			t.Cleanup(func() { _ = closed() })
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
			if _, err := s.Forget(within(t), 1, 0); store.CauseOf(err) != store.Moved {
				t.Errorf("Forget: %v, want the cause %q", err, store.Moved)
			}
			if _, err := s.Head(within(t)); store.CauseOf(err) != store.Moved {
				t.Errorf("Head: %v, want the cause %q", err, store.Moved)
			}
			if _, err := s.History(within(t), 1); store.CauseOf(err) != store.Moved {
				t.Errorf("History: %v, want the cause %q", err, store.Moved)
			}
			if slices.Contains(logs, name) {
				if err := closed(); err != nil {
					t.Error(err)
				}
				if ids := interactionIDs(t, open(t, "sqlite:"+file)); !slices.Equal(ids, []string{"before"}) {
					t.Errorf("after a restart there is %q, want only what was acknowledged", ids)
				}
			}
			if back[name] == nil {
				return
			}
			if err := back[name](file); err != nil {
				t.Fatal(err)
			}
			for who, one := range map[string]*store.Store{"this store": s, "another": open(t, "sqlite:"+file)} {
				if ids := interactionIDs(t, one); !slices.Equal(ids, []string{"before"}) {
					t.Errorf("%s has %q with the file back, want only what was acknowledged", who, ids)
				}
			}
			if err := record("back"); err != nil {
				t.Error(err)
			}
		})
	}
}

func interactionIDs(t *testing.T, s *store.Store) (ids []string) {
	t.Helper()
	err := s.Interactions(within(t), func(i domain.Interaction) error {
		ids = append(ids, i.ID)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// A file that the store creates is its owner's alone. One that exists keeps its mode.
func TestModesOfFiles(t *testing.T) {
	for name, existing := range map[string]os.FileMode{"created": 0, "existing": 0o640} {
		t.Run(name, func(t *testing.T) {
			file, want := filepath.Join(t.TempDir(), "test.db"), os.FileMode(0o600)
			if existing != 0 {
				want = existing
				if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Chmod(file, existing)); err != nil {
					t.Fatal(err)
				}
			}
			mustHead(t, open(t, "sqlite:"+file))
			for _, beside := range []string{"", "-wal", "-shm"} {
				if info, err := os.Stat(file + beside); err != nil || info.Mode() != want {
					t.Errorf("%s: %v, %v, want %v", file+beside, info, err, want)
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
