package cover

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A cover that is drawn in another way has another hash: browsers keep the old one under the
// old hash for a year.
func TestTheEditionChangesWithTheDrawings(t *testing.T) {
	sum := sha256.New()
	for _, slug := range slugs() {
		for id := range int64(200) {
			_, _ = sum.Write(Draw(Book{ID: id, Title: "One Hundred Years of Solitude", Author: "Gabriel García Márquez", Category: slug}))
		}
	}
	for _, b := range demonstration(t) {
		_, _ = sum.Write(Draw(b))
	}
	drawings := fmt.Sprintf("%x", sum.Sum(nil))
	path := filepath.Join("testdata", "edition.golden")
	before, err := os.ReadFile(path)
	if err != nil && !*update {
		t.Fatal(err)
	}
	if now := edition + " " + drawings + "\n"; string(before) != now {
		if strings.HasPrefix(string(before), edition+" ") {
			t.Fatal("covers are drawn in another way, which browsers that keep them would not notice: raise edition")
		}
		if !*update {
			t.Fatalf("%s is of another edition; write it with: go test -update", path)
		}
		if err := os.WriteFile(path, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// The hash depends on all that the drawing depends on.
func TestHash(t *testing.T) {
	seen := map[string]Book{}
	for _, b := range []Book{
		{1, "The Hobbit", "Tolkien", "fantasy"},
		{2, "The Hobbit", "Tolkien", "fantasy"},
		{1, "The Hobbits", "Tolkien", "fantasy"},
		{1, "The Hobbit", "J.R.R. Tolkien", "fantasy"},
		{1, "The Hobbit", "Tolkien", "classics"},
		{1, "The Hobbi", "tTolkien", "fantasy"},
		{1, "The Hobbit", "Tolkienf", "antasy"},
		{1, "The Hobbit", "", "Tolkienfantasy"},
		{1, strings.Repeat("The Hobbit", 100), "Tolkien", "fantasy"},
	} {
		hash := Hash(b)
		if before, taken := seen[hash]; taken {
			t.Errorf("%+v and %+v have one hash", before, b)
		}
		if seen[hash] = b; !IsHash(hash) || hash != Hash(b) {
			t.Errorf("the hash of %+v is %q", b, hash)
		}
	}
	for _, other := range []string{"", "0", "0123456789abcdeg", "0123456789abcdef0", "0123456789ABCDEF", fmt.Sprintf("%032x", 1)} {
		if IsHash(other) {
			t.Errorf("%q is a hash", other)
		}
	}
}
