package fleet

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
)

// Build builds both programs into dir.
func Build(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", dir+"/", "bookstall/marketplace", "bookstall/recommendations") //nolint:gosec // a folder of the caller's
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w: %s", err, out)
	}
	return nil
}

// Recommendations runs one command of the program in bin to its end, as an operator
// does, and returns what it printed.
func Recommendations(ctx context.Context, bin string, args ...string) ([]byte, error) {
	out, err := exec.CommandContext(ctx, filepath.Join(bin, "recommendations"), args...).CombinedOutput() //nolint:gosec // our own binary
	if err != nil {
		return nil, fmt.Errorf("recommendations %s: %w: %s", args[0], err, out)
	}
	return out, nil
}
