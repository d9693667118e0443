package telemetry

import (
	"bytes"
	"encoding/json"
	"runtime"
	"runtime/debug"
	"testing"
)

func TestBuild(t *testing.T) {
	recorded := &debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: "v0.2.0"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"},
	}}
	bare := &debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: "(devel)"}}
	for name, row := range map[string]struct {
		info              *debug.BuildInfo
		version, revision string
		want              Build
	}{
		"recorded by Go":      {recorded, "", "", Build{"0.2.0", "abc", true, "go1.26.8"}},
		"set by the linker":   {recorded, "0.3.0", "def", Build{"0.3.0", "def", false, "go1.26.8"}},
		"a tree with changes": {bare, "dev", "def-dirty", Build{"dev", "def", true, "go1.26.8"}},
		"neither":             {bare, "", "", Build{"(devel)", "", false, "go1.26.8"}},
		"without build info":  {&debug.BuildInfo{GoVersion: "go1.26.8"}, "", "", Build{"unknown", "", false, "go1.26.8"}},
		"any tag of an image": {bare, "v1", "", Build{"v1", "", false, "go1.26.8"}},
	} {
		if got := build(row.info, row.version, row.revision); got != row.want {
			t.Errorf("%s: %+v, want %+v", name, got, row.want)
		}
	}
}

func TestBuildOnOneLine(t *testing.T) {
	platform := " go1.26.8 " + runtime.GOOS + "/" + runtime.GOARCH
	for want, b := range map[string]Build{
		"0.2.0, revision abc," + platform:                        {"0.2.0", "abc", false, "go1.26.8"},
		"dev, revision abc with uncommitted changes," + platform: {"dev", "abc", true, "go1.26.8"},
		"(devel), revision unknown," + platform:                  {"(devel)", "", false, "go1.26.8"},
	} {
		if got := b.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestTheFirstLogLineSaysWhatTheProgramWasBuiltFrom(t *testing.T) {
	var out bytes.Buffer
	tel := New(t.Context(), "shop", "a", Config{LogLevel: "info"}, &out)
	tel.Close()
	var line struct{ Msg, Version, GoVersion string }
	if err := json.NewDecoder(&out).Decode(&line); err != nil || line.Msg != "starting" || line.Version == "" || line.GoVersion != runtime.Version() {
		t.Errorf("%+v, %v", line, err)
	}
}
