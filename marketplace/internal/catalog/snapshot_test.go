package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSaveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalog.json")
	for _, want := range []Contents{shop(), many(20)} { // the second replaces the first
		want.Books[0].Description = "<b>\u2028&\"é"
		if err := Save(path, want); err != nil {
			t.Fatal(err)
		}
		got, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("loaded contents differ from the saved ones (-want +got):\n%s", diff)
		}
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
		t.Errorf("%d files are left, want 1 (%v)", len(files), err)
	}
}

// A shop of an earlier version knows less of the books, under the same version.
func TestASnapshotOfAnEarlierVersionHasNoVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalog.json")
	if err := Save(path, shop()); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	earlier := bytes.Replace(whole, fmt.Appendf(nil, `"fields":%d,`, snapshotFields), nil, 1)
	if err := os.WriteFile(path, earlier, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Load(path); err != nil || got.Version != "" || len(got.Books) != len(shop().Books) {
		t.Errorf("version %q, %d books, %v", got.Version, len(got.Books), err)
	}
}

func TestLoadRejects(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v, want fs.ErrNotExist", err)
	}
	if _, err := Load(dir); err == nil {
		t.Error("a folder was loaded")
	}
	path := filepath.Join(dir, "catalog.json")
	if err := Save(path, shop()); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bad := map[string][]byte{
		"empty":          {},
		"cut off":        good[:len(good)/2],
		"changed":        bytes.Replace(good, []byte("The Hobbit"), []byte("The Rabbit"), 1),
		"more after it":  append(bytes.Clone(good), "{}"...),
		"another format": bytes.Replace(good, []byte(`"format":1`), []byte(`"format":2`), 1),
		"null":           []byte("null"),
		"no contents":    []byte(`{"format":1,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}`),
		"a list":         []byte(`{"format":1,"sha256":"4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945","contents":[]}`),
	}
	for name, content := range bad {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil {
			t.Errorf("%s: loaded without an error", name)
		}
	}
}

func TestSaveReportsFailure(t *testing.T) {
	if err := Save(filepath.Join(t.TempDir(), "no such folder", "catalog.json"), shop()); err == nil {
		t.Error("saved into a folder that does not exist")
	}
}

func FuzzLoad(f *testing.F) {
	raw := []byte(`{"version":"v","books":[{"id":1,"title":"t","categories":["c"]}]}`)
	f.Add([]byte(`{"format":1,"sha256":"` + checksum(raw) + `","contents":` + string(raw) + `}`))
	f.Add([]byte(`{"format":1}`))
	f.Add([]byte("\x00"))
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, b := range [][]byte{content, []byte(`{"format":1,"sha256":"` + checksum(content) + `","contents":` + string(content) + `}`)} {
			contents, err := decode(b)
			if err != nil {
				continue
			}
			c := New()
			if err := c.Replace(contents); err == nil && !c.Ready() {
				t.Error("contents were accepted, but the catalogue is not ready")
			}
		}
	})
}
