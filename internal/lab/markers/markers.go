// Package markers puts what a program has measured into a document that people
// write, between two lines that say so. Programs that measure import it. It must not
// import any other package of this project.
package markers

import (
	"fmt"
	"os"
	"strings"
)

// Rewrite puts text between the lines begins and ends of a file.
func Rewrite(file, begins, ends, text string) error {
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
	return os.WriteFile(file, []byte(changed), 0o644) //nolint:gosec // a file of the caller's
}
