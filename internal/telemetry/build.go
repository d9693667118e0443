package telemetry

import (
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
)

// Build is what a binary was built from.
type Build struct {
	Version   string `json:"version"`  // module version, "(devel)" outside a release
	Revision  string `json:"revision"` // commit, "" when built without version control
	Modified  bool   `json:"modified"` // whether the tree had uncommitted changes
	GoVersion string `json:"go_version"`
}

// BuildInfo returns what Go recorded in this binary when it was built.
func BuildInfo() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Build{Version: "unknown"}
	}
	b := Build{Version: info.Main.Version, GoVersion: info.GoVersion}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
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
