package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// source is what a release is made of: a commit with a tag.
type source struct {
	root     string // a clean checkout
	version  string // the tag without its v
	revision string
}

// readSource returns what is checked out. An error names everything that keeps it from
// being a release.
func readSource(ctx context.Context, root string) (source, error) {
	s := source{root: root}
	changes, err := git(ctx, root, "status", "--porcelain")
	if err != nil {
		return source{}, err
	}
	if s.revision, err = git(ctx, root, "rev-parse", "HEAD"); err != nil {
		return source{}, err
	}
	tags, err := git(ctx, root, "tag", "--points-at", "HEAD", "--list", "v*")
	if err != nil {
		return source{}, err
	}
	if tags == "" || strings.Contains(tags, "\n") {
		return source{}, fmt.Errorf("commit %s has the tags %q, want one such as v1.2.3", s.revision, tags)
	}
	s.version = strings.TrimPrefix(tags, "v")
	var faults []error
	if changes != "" {
		faults = append(faults, fmt.Errorf("uncommitted changes:\n%s", changes))
	}
	return s, errors.Join(append(faults, s.checkChart(), s.checkChangelog())...)
}

func (s source) checkChart() error {
	c, err := readChart(s.root)
	if err != nil {
		return err
	}
	if c.version != s.version || c.appVersion != s.version {
		return fmt.Errorf("the chart has version %s and appVersion %s, the tag %s", c.version, c.appVersion, s.version)
	}
	return nil
}

func (s source) checkChangelog() error {
	text, err := os.ReadFile(filepath.Join(s.root, "CHANGELOG.md"))
	if err != nil {
		return err
	}
	heading := fmt.Sprintf(`(?m)^## %s \(\d{4}-\d\d-\d\d\)$`, regexp.QuoteMeta(s.version))
	if !regexp.MustCompile(heading).Match(text) {
		return fmt.Errorf("CHANGELOG.md has no heading %q", "## "+s.version+" (YYYY-MM-DD)")
	}
	return nil
}

// chartFile is Chart.yaml.
type chartFile struct {
	version, appVersion string
	fields              map[string]any
}

const chartFolder = "helm/bookstall"

func readChart(root string) (chartFile, error) {
	text, err := os.ReadFile(filepath.Join(root, chartFolder, "Chart.yaml"))
	if err != nil {
		return chartFile{}, err
	}
	var c chartFile
	if err := yaml.Unmarshal(text, &c.fields); err != nil {
		return chartFile{}, fmt.Errorf("read Chart.yaml: %w", err)
	}
	c.version, _ = c.fields["version"].(string)
	c.appVersion, _ = c.fields["appVersion"].(string)
	return c, nil
}

// git returns what git prints, without the last line break.
func git(ctx context.Context, root string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", root}, args...)...) //nolint:gosec // all arguments are from this program
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimRight(string(out), "\n"), nil
}
