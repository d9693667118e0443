package fleet

import (
	"context"
	"fmt"
	"os/exec"
)

// Build builds both programs into dir.
func Build(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", dir+"/", "bookstall/marketplace", "bookstall/recommendations") //nolint:gosec // a folder of the caller's
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w: %s", err, out)
	}
	return nil
}
