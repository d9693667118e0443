package report

import (
	"os"
	"path/filepath"
	"testing"
)

func TestRewrite(t *testing.T) {
	const begins, ends = "<!-- make this writes from here -->", "<!-- to here -->"
	const other = "<!-- make that writes from here -->\nkept\n" + ends + "\n"
	file := filepath.Join(t.TempDir(), "document.md")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{"no markers", ends + begins, other} {
		write(text)
		if err := Rewrite(file, "make this", "x"); err == nil {
			t.Errorf("Rewrite accepts %q", text)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != text {
			t.Errorf("after a refused Rewrite the file is %q, %v; want %q", got, err, text)
		}
	}
	write(other + "before\n" + begins + "\nold\n" + ends + "\nafter\n")
	for range 2 { // the second time changes nothing
		err := Rewrite(file, "make this", "new\n")
		got, readErr := os.ReadFile(file)
		if want := other + "before\n" + begins + "\nnew\n" + ends + "\nafter\n"; err != nil || readErr != nil || string(got) != want {
			t.Errorf("Rewrite: %v; the file is %q, %v; want %q", err, got, readErr, want)
		}
	}
}
