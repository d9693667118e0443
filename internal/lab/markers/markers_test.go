package markers

import (
	"os"
	"path/filepath"
	"testing"
)

func TestRewrite(t *testing.T) {
	const begins, ends = "<!-- from here -->", "<!-- to here -->"
	file := filepath.Join(t.TempDir(), "document.md")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{"no markers", ends + begins} {
		write(text)
		if err := Rewrite(file, begins, ends, "x"); err == nil {
			t.Errorf("%q: no error", text)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != text {
			t.Errorf("%q became %q, %v", text, got, err)
		}
	}
	write("before\n" + begins + "\nold\n" + ends + "\nafter\n")
	err := Rewrite(file, begins, ends, "new\n")
	got, readErr := os.ReadFile(file)
	if want := "before\n" + begins + "\nnew\n" + ends + "\nafter\n"; err != nil || readErr != nil || string(got) != want {
		t.Errorf("%q, %v, %v", got, err, readErr)
	}
}
