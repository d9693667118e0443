package report

import (
	"fmt"
	"os"
	"strings"

	"bookstall/internal/atomicfile"
)

// Rewrite puts text into a Markdown file that people write, between the lines
//
//	<!-- COMMAND writes from here -->
//	<!-- to here -->
//
// which must both be there.
func Rewrite(file, command, text string) error {
	begins, ends := "<!-- "+command+" writes from here -->", "<!-- to here -->"
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(old), begins)
	_, after, ended := strings.Cut(rest, ends)
	if !ok || !ended {
		return fmt.Errorf("%s lacks the lines %q and %q, in this order", file, begins, ends)
	}
	changed := before + begins + "\n" + text + ends + after
	return atomicfile.WriteFile(file, []byte(changed), 0o644)
}
