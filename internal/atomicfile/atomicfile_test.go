package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// wantFile fails unless path has the content and is alone in its folder.
func wantFile(t *testing.T, path, content string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != content {
		t.Errorf("%s: %d bytes, %v; want %d bytes", path, len(got), err, len(content))
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
		t.Errorf("the folder has %d files, want 1 (%v)", len(files), err)
	}
}

func TestWriteReplaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a file")
	large := strings.Repeat("0123456789", 20_000) // more than the buffer
	for _, tc := range []struct {
		content string
		perm    fs.FileMode
	}{{"old", 0o600}, {large, 0o644}, {"", 0o666}, {"new", 0o400}, {"newer", 0o600}} {
		if err := WriteFile(path, []byte(tc.content), tc.perm); err != nil {
			t.Fatal(err)
		}
		wantFile(t, path, tc.content)
		if info, err := os.Stat(path); err != nil || info.Mode() != tc.perm {
			t.Errorf("mode %v, want %v (%v)", info.Mode(), tc.perm, err)
		}
	}
}

func TestWriteInTheWorkingFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := WriteFile("plain", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantFile(t, "plain", "x")
}

func TestTheOldFileStaysUntilTheNewIsWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	half := func(w io.Writer) {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			t.Error(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != "old" {
			t.Errorf("while the new one is written: %q, %v", got, err)
		}
	}
	err := Write(path, 0o600, func(w io.Writer) error {
		half(w)
		return boom
	})
	if !errors.Is(err, boom) {
		t.Errorf("got %v, want the writer's error", err)
	}
	wantFile(t, path, "old")

	func() {
		defer func() {
			if got, _ := recover().(error); !errors.Is(got, boom) {
				t.Errorf("recovered %v, want the writer's panic", got)
			}
		}()
		_ = Write(path, 0o600, func(w io.Writer) error {
			half(w)
			panic(boom)
		})
	}()
	wantFile(t, path, "old")
}

func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	if err := WriteFile(filepath.Join(dir, "no such folder", "file"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing folder: %v, want fs.ErrNotExist", err)
	}
	folder := filepath.Join(dir, "folder")
	if err := os.MkdirAll(filepath.Join(folder, "within"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(folder, []byte("x"), 0o600); err == nil {
		t.Error("a folder was replaced with a file")
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("%d files are left, want the folder alone (%v)", len(files), err)
	}
}

func TestASymbolicLinkIsReplaced(t *testing.T) {
	target := filepath.Join(t.TempDir(), "target")
	if err := os.WriteFile(target, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(link, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantFile(t, link, "new")
	wantFile(t, target, "old")
}

func TestConcurrentWritesDoNotMix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	var writers sync.WaitGroup
	for _, letter := range []string{"a", "b", "c", "d"} {
		writers.Go(func() {
			if err := WriteFile(path, []byte(strings.Repeat(letter, 1<<18)), 0o600); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	got, err := os.ReadFile(path)
	if err != nil || len(got) != 1<<18 || strings.Trim(string(got), string(got[:1])) != "" {
		t.Errorf("%d bytes of several writers, %v", len(got), err)
	}
}

// The temporary file is of no interest to who gave the path.
func TestErrorsNameThePath(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "folder")
	if err := os.MkdirAll(filepath.Join(folder, "not empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "none", "file"), folder} {
		err := WriteFile(path, []byte("x"), 0o600)
		failed, ok := errors.AsType[*fs.PathError](err)
		if !ok || failed.Path != path || strings.Contains(err.Error(), "."+filepath.Base(path)+".") {
			t.Errorf("%s: %v", path, err)
		}
	}
	path := filepath.Join(dir, "file")
	full := &fs.PathError{Op: "write", Path: filepath.Join(dir, ".file.1"), Err: errors.New("full")}
	if err := naming(path, full); err.Error() != "write "+path+": full" || !errors.Is(err, full.Err) {
		t.Error(err)
	}
}
