package telemetry

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// Build is what a binary was built from.
type Build struct {
	Version   string `json:"version"`  // of the release, of the module without its v, or "(devel)"
	Revision  string `json:"revision"` // commit, "" when not known
	Modified  bool   `json:"modified"` // whether the tree had uncommitted changes
	GoVersion string `json:"go_version"`
}

// Version and commit of an image, set by the linker (.ko.yaml). Images are built without
// version control, so that equal trees make equal images.
var version, revision string

// BuildInfo returns what was recorded in this binary when it was built: by the linker, or
// else by Go.
func BuildInfo() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{GoVersion: runtime.Version()}
	}
	return build(info, version, revision)
}

func build(info *debug.BuildInfo, version, revision string) Build {
	b := Build{Version: cmp.Or(version, strings.TrimPrefix(info.Main.Version, "v"), "unknown"), GoVersion: info.GoVersion}
	b.Revision, b.Modified = strings.CutSuffix(revision, "-dirty")
	for _, s := range info.Settings {
		switch {
		case revision != "":
		case s.Key == "vcs.revision":
			b.Revision = s.Value
		case s.Key == "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// String returns the build on one line, for --version.
func (b Build) String() string {
	revision := cmp.Or(b.Revision, "unknown")
	if b.Modified {
		revision += " with uncommitted changes"
	}
	return fmt.Sprintf("%s, revision %s, %s %s/%s", b.Version, revision, b.GoVersion, runtime.GOOS, runtime.GOARCH)
}

// Version returns the version of this binary, "(devel)" outside a release.
func Version() string { return BuildInfo().Version }

func newBuildInfo() prometheus.Collector {
	b := BuildInfo()
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "bookstall_build_info",
		Help: "Always 1; the labels say what this binary was built from.",
		ConstLabels: prometheus.Labels{
			"version": b.Version, "revision": b.Revision, "go_version": b.GoVersion,
		},
	})
	g.Set(1)
	return g
}
