package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"bookstall/tools/internal/image"
)

const root = "../.."

// TestImages builds everything twice, from copies of the tree in two folders, and checks
// what was written.
func TestImages(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "")
	build := func(folder string) string {
		dir := filepath.Join(t.TempDir(), folder)
		copyTree(t, dir)
		out := filepath.Join(dir, "bin", "images")
		var stdout, stderr bytes.Buffer
		args := []string{"-root", dir, "-o", "bin/images", "-oci", "-tag", "v1", "-revision", "0123456789abcdef"}
		if err := run(t.Context(), args, &stdout, &stderr); err != nil {
			t.Fatalf("run(%q): %v\n%s", args, err, &stderr)
		}
		t.Logf("\n%s", &stdout)
		return out
	}
	first := build("a")
	// The environment must not change the images.
	t.Setenv("GOFLAGS", "-tags=other")
	t.Setenv("GOAMD64", "v3")
	t.Setenv("CGO_ENABLED", "1")
	second := build("another/folder")

	t.Run("equal trees make equal files", func(t *testing.T) {
		a, b := contents(t, first), contents(t, second)
		for name, data := range a {
			if !bytes.Equal(data, b[name]) {
				t.Errorf("%s differs between the two builds", name)
			}
		}
		if len(a) != len(b) || len(a) < 10 {
			t.Errorf("the two builds have %d and %d files, want the same number, 10 or more", len(a), len(b))
		}
	})
	checkData(t, first)
	for _, id := range []string{"marketplace", "recommendations"} {
		t.Run(id, func(t *testing.T) {
			archive, err := tarball.ImageFromPath(filepath.Join(first, id+".tar"), nil)
			if err != nil {
				t.Fatal(err)
			}
			tags, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(filepath.Join(first, id+".tar")) })
			if err != nil {
				t.Fatal(err)
			}
			if want := []string{"bookstall/" + id + ":v1"}; !slices.Equal(tags[0].RepoTags, want) {
				t.Errorf("the archive holds %v, want %v", tags[0].RepoTags, want)
			}
			checkSBOM(t, filepath.Join(first, id+".spdx.json"))

			images := readLayout(t, filepath.Join(first, id+".oci"))
			if len(images) != 2 {
				t.Fatalf("%d images in the layout, want two", len(images))
			}
			for platform, img := range images {
				checkImage(t, id, platform, img)
				checkSBOM(t, filepath.Join(first, id+"."+strings.ReplaceAll(platform, "/", "-")+".spdx.json"))
			}
			same := images["linux/"+runtime.GOARCH]
			if a, b := configName(t, archive), configName(t, same); a != b {
				t.Errorf("the archive's image is %s, the layout's %s", a, b)
			}
			if runtime.GOOS == "linux" {
				checkReports(t, id, archive)
			}
		})
	}
}

// The programs that write to a volume own its folder.
func checkData(t *testing.T, dir string) {
	t.Helper()
	for _, id := range []string{"recommendations", "certs"} {
		img, err := tarball.ImageFromPath(filepath.Join(dir, id+".tar"), nil)
		if err != nil {
			t.Fatal(err)
		}
		owner := 0
		eachFile(t, img, func(h *tar.Header, _ io.Reader) {
			if h.Name == "data" {
				owner = h.Uid
			}
		})
		if owner != 65532 {
			t.Errorf("%s: /data belongs to %d, want 65532", id, owner)
		}
	}
}

func checkImage(t *testing.T, id, platform string, img v1.Image) {
	t.Helper()
	if err := validate.Image(img); err != nil {
		t.Error(err)
	}
	n, err := image.Compressed(img)
	if err != nil {
		t.Fatal(err)
	}
	if n > 25_000_000 {
		t.Errorf("%s for %s is %d bytes, want 25 MB or less", id, platform, n)
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.OS + "/" + cfg.Architecture; got != platform {
		t.Errorf("%s is for %s, want %s", id, got, platform)
	}
	if cfg.Config.User != "65532:65532" {
		t.Errorf("%s runs as %q, want 65532:65532", id, cfg.Config.User)
	}
	if want := []string{"/ko-app/" + id}; !slices.Equal(cfg.Config.Entrypoint, want) || len(cfg.Config.Cmd) > 0 {
		t.Errorf("%s starts %v %v, want %v", id, cfg.Config.Entrypoint, cfg.Config.Cmd, want)
	}
	if cfg.Created.Unix() != 0 {
		t.Errorf("%s was created at %v, want 1970", id, cfg.Created)
	}
	if len(cfg.Config.ExposedPorts) != 2 {
		t.Errorf("%s exposes %v, want two ports", id, cfg.Config.ExposedPorts)
	}
	for name, want := range map[string]string{
		"title": "bookstall/" + id, "version": "v1", "revision": "0123456789abcdef", "licenses": "Apache-2.0",
	} {
		if got := cfg.Config.Labels["org.opencontainers.image."+name]; got != want {
			t.Errorf("%s: label %s is %q, want %q", id, name, got, want)
		}
	}
	if cfg.Config.Labels["org.opencontainers.image.description"] == "" {
		t.Errorf("%s has no description", id)
	}
	want := []string{"etc", "etc/passwd", "etc/group", "tmp", "ko-app", "ko-app/" + id}
	if id == "recommendations" {
		want = append(want, "data")
	}
	var got []string
	eachFile(t, img, func(h *tar.Header, _ io.Reader) {
		got = append(got, h.Name)
		owner := 0
		if h.Name == "data" {
			owner = 65532
		}
		if h.Uid != owner || h.Gid != owner || h.ModTime.Unix() != 0 {
			t.Errorf("%s: %s is owned by %d:%d and has the time %v, want owner %d and 1970", id, h.Name, h.Uid, h.Gid, h.ModTime, owner)
		}
		if strings.HasPrefix(h.Name, "ko-app") && h.Mode != 0o555 {
			t.Errorf("%s: %s has mode %o, want 555", id, h.Name, h.Mode)
		}
	})
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s holds %v, want %v", id, got, want)
	}
}

// checkReports runs the program of the image on this machine, and checks that --version,
// the first log line and /buildinfo name what it was built from.
func checkReports(t *testing.T, id string, img v1.Image) {
	t.Helper()
	cfg, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), id)
	eachFile(t, img, func(h *tar.Header, r io.Reader) {
		if "/"+h.Name != cfg.Config.Entrypoint[0] {
			return
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o755); err != nil {
			t.Fatal(err)
		}
	})
	want := fmt.Sprintf("%s v1, revision 0123456789abcdef, %s linux/%s\n", id, goVersion(t), runtime.GOARCH)
	if out, err := exec.CommandContext(t.Context(), file, "--version").CombinedOutput(); err != nil || string(out) != want {
		t.Errorf("--version: %q, %v, want %q", out, err, want)
	}

	args := []string{"--admin-address=127.0.0.1:0", "--grpc-address=127.0.0.1:0", "--drain-delay=0s"}
	if id == "marketplace" {
		args[1] = "--http-address=127.0.0.1:0"
	}
	cmd := exec.CommandContext(t.Context(), file, args...)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		err := cmd.Process.Signal(os.Interrupt)
		_, _ = io.Copy(io.Discard, log)
		if err := errors.Join(err, cmd.Wait()); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}()
	type build struct {
		Version  string `json:"version"`
		Revision string `json:"revision"`
	}
	built := build{"v1", "0123456789abcdef"}
	lines := json.NewDecoder(log)
	var first struct {
		Msg string `json:"msg"`
		Go  string `json:"goVersion"`
		build
	}
	if err := lines.Decode(&first); err != nil || first.Msg != "starting" || first.build != built || first.Go != goVersion(t) {
		t.Errorf("first log line of %s: %+v, %v", id, first, err)
	}
	var listening struct {
		Admin string `json:"adminAddress"`
	}
	for listening.Admin == "" {
		if err := lines.Decode(&listening); err != nil {
			t.Fatalf("%s does not listen: %v", id, err)
		}
	}
	answer, err := http.Get("http://" + listening.Admin + "/buildinfo")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var served build
	if err := json.NewDecoder(answer.Body).Decode(&served); err != nil || served != built {
		t.Errorf("/buildinfo of %s: %+v, %v", id, served, err)
	}
}

// checkSBOM checks that the file is a valid SPDX 2.3 document, and that its packages are
// the modules of the program.
func checkSBOM(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var doc image.Document
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	if doc.Version != "SPDX-2.3" || doc.DataLicense != "CC0-1.0" || doc.ID != "SPDXRef-DOCUMENT" {
		t.Errorf("%s: version %s, licence %s, identifier %s; want those of SPDX 2.3", file, doc.Version, doc.DataLicense, doc.ID)
	}
	if !regexp.MustCompile(`^https://[^#]+$`).MatchString(doc.Namespace) || doc.Name == "" {
		t.Errorf("%s: name %q, namespace %q; want a name, and a URL without fragment", file, doc.Name, doc.Namespace)
	}
	if doc.CreationInfo.Created != "1970-01-01T00:00:00Z" || len(doc.CreationInfo.Creators) == 0 {
		t.Errorf("%s: created %+v, want 1970 and a creator", file, doc.CreationInfo)
	}
	known := map[string]bool{doc.ID: true}
	versions := map[string]string{}
	for _, p := range doc.Packages {
		if !regexp.MustCompile(`^SPDXRef-[a-zA-Z0-9.-]+$`).MatchString(p.ID) || known[p.ID] {
			t.Errorf("%s: identifier %q is invalid or not unique", file, p.ID)
		}
		known[p.ID] = true
		if p.Name == "" || p.Version == "" || p.DownloadLocation == "" || p.LicenseConcluded == "" || p.LicenseDeclared == "" || p.Copyright == "" {
			t.Errorf("%s: %+v lacks a field", file, p)
		}
		for _, r := range p.ExternalRefs {
			if !regexp.MustCompile(`^pkg:(golang|oci)/[^@+ ]+@[^@+ ]+$`).MatchString(r.Locator) {
				t.Errorf("%s: package URL %q, want pkg:TYPE/NAME@VERSION", file, r.Locator)
			}
		}
		versions[p.Name] = p.Version
	}
	described, depends := 0, 0
	for _, r := range doc.Relationships {
		if !known[r.Element] || !known[r.Related] {
			t.Errorf("%s: %+v refers to an unknown element", file, r)
		}
		switch r.Type {
		case "DESCRIBES":
			described++
		case "DEPENDS_ON":
			depends++
		}
	}
	if described != 1 || depends != len(doc.Packages)-2 {
		t.Errorf("%s: describes %d packages with %d dependencies, want 1 and %d", file, described, depends, len(doc.Packages)-2)
	}
	if want := strings.TrimPrefix(goVersion(t), "go"); versions["stdlib"] != want {
		t.Errorf("%s: standard library %q, want %q", file, versions["stdlib"], want)
	}
	for name, want := range modules(t, filepath.Base(strings.SplitN(file, ".", 2)[0])) {
		if versions[name] != want {
			t.Errorf("%s: %s is %q, want %q", file, name, versions[name], want)
		}
	}
}

// modules returns the modules and versions of a program, as reported by go list.
func modules(t *testing.T, id string) map[string]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f",
		"{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}", "./"+id)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOOS=linux", "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if path, version, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			list[path] = version
		}
	}
	if len(list) < 10 {
		t.Fatalf("go list reports %d modules for %s, want 10 or more", len(list), id)
	}
	return list
}

func goVersion(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "env", "GOVERSION")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	version, _, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	return version
}

// readLayout returns the images of a layout by platform.
func readLayout(t *testing.T, dir string) map[string]v1.Image {
	t.Helper()
	top, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	list, err := top.IndexManifest()
	if err != nil || len(list.Manifests) != 1 {
		t.Fatalf("index of the layout: %v, %+v; want one entry", err, list)
	}
	idx, err := top.ImageIndex(list.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(idx); err != nil {
		t.Error(err)
	}
	if list, err = idx.IndexManifest(); err != nil {
		t.Fatal(err)
	}
	images := map[string]v1.Image{}
	for _, m := range list.Manifests {
		if images[m.Platform.String()], err = idx.Image(m.Digest); err != nil {
			t.Fatal(err)
		}
	}
	return images
}

func configName(t *testing.T, img v1.Image) v1.Hash {
	t.Helper()
	h, err := img.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// eachFile calls f with each file of the image.
func eachFile(t *testing.T, img v1.Image, f func(*tar.Header, io.Reader)) {
	t.Helper()
	files := mutate.Extract(img)
	defer files.Close()
	r := tar.NewReader(files)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		f(h, r)
	}
}

// copyTree copies the sources of the programs.
func copyTree(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{".ko.yaml", "go.mod", "go.sum", "balance", "deploy", "gen", "internal", "marketplace", "recommendations"} {
		err := filepath.WalkDir(filepath.Join(root, name), func(p string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			rel, err := filepath.Rel(root, p)
			if err != nil {
				return err
			}
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, rel)), 0o755); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, rel), data, 0o644)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// contents returns all files of a folder.
func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	list := map[string][]byte{}
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		list[rel], err = os.ReadFile(p)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
