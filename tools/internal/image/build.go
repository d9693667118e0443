// Package image builds the container images of the services with Go alone: no registry, no
// daemon, no root. It follows .ko.yaml and builds images with the layout of ko's (/ko-app,
// user 65532, no shell), on an empty base instead of one from a registry. Only the tree,
// version and commit determine an image, so equal trees make equal images.
package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"debug/buildinfo"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// user is the user of distroless nonroot, and so of ko's images.
const user = "65532:65532"

// Builder builds images of one version of a tree.
type Builder struct {
	Root     string // the repository
	Recipe   Recipe
	Prefix   string // of the names of images
	Version  string // also the tag
	Revision string // commit, "" if it is not known
	Created  time.Time
}

// Image is an image and its metadata.
type Image struct {
	v1.Image
	Name     name.Tag
	Program  Program
	Platform v1.Platform
	info     *buildinfo.BuildInfo
	created  time.Time
}

// Images builds the images of a program for these platforms.
func (b Builder) Images(ctx context.Context, p Program, platforms []string) ([]Image, error) {
	var list []Image
	for _, n := range platforms {
		platform, err := b.Recipe.Platform(n)
		if err != nil {
			return nil, err
		}
		img, err := b.image(ctx, p, platform)
		if err != nil {
			return nil, err
		}
		list = append(list, img)
	}
	return list, nil
}

func (b Builder) image(ctx context.Context, p Program, platform v1.Platform) (Image, error) {
	tag, err := name.NewTag(b.Prefix + "/" + p.ID + ":" + b.Version)
	if err != nil {
		return Image{}, err
	}
	dir, err := os.MkdirTemp("", "images")
	if err != nil {
		return Image{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // the system cleans up what is left
	file := filepath.Join(dir, p.ID)
	if err := b.compile(ctx, p, platform, file); err != nil {
		return Image{}, err
	}
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return Image{}, fmt.Errorf("read the build information of %s: %w", p.ID, err)
	}
	img, err := b.assemble(p, platform, file)
	if err != nil {
		return Image{}, fmt.Errorf("assemble %s for %s: %w", p.ID, platform, err)
	}
	return Image{Image: img, Name: tag, Program: p, Platform: platform, info: info, created: b.Created}, nil
}

// compile builds the program as ko does.
func (b Builder) compile(ctx context.Context, p Program, platform v1.Platform, file string) error {
	ldflags, err := b.Recipe.ldflags(b.Version, b.Revision)
	if err != nil {
		return fmt.Errorf("linker flags of .ko.yaml: %w", err)
	}
	args := append([]string{"build"}, b.Recipe.Flags...)
	args = append(args, "-ldflags="+ldflags, "-o", file, p.Main)
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // the flags are from .ko.yaml
	cmd.Dir = b.Root
	cmd.Env = append(os.Environ(), "GOOS="+platform.OS, "GOARCH="+platform.Architecture)
	cmd.Env = append(cmd.Env, b.Recipe.Env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s for %s: %w\n%s", p.ID, platform, err, out)
	}
	return nil
}

// assemble adds the binary to the base.
func (b Builder) assemble(p Program, platform v1.Platform, file string) (v1.Image, error) {
	base, err := layer(append(baseFiles(), data(p.ID)...))
	if err != nil {
		return nil, err
	}
	binary, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	app, err := layer([]entry{
		{name: "ko-app/", mode: 0o555},
		{name: "ko-app/" + p.ID, mode: 0o555, data: binary},
	})
	if err != nil {
		return nil, err
	}
	created := v1.Time{Time: b.Created}
	img, err := mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1),
		mutate.Addendum{Layer: base, History: v1.History{Created: created, CreatedBy: "tools/images", Comment: "users and /tmp"}},
		mutate.Addendum{Layer: app, History: v1.History{Created: created, CreatedBy: "tools/images", Comment: "/ko-app/" + p.ID}},
	)
	if err != nil {
		return nil, err
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	cfg = cfg.DeepCopy()
	cfg.Created = created
	cfg.OS, cfg.Architecture, cfg.Variant = platform.OS, platform.Architecture, platform.Variant
	cfg.Config = v1.Config{
		User:         user,
		WorkingDir:   "/",
		Entrypoint:   []string{"/ko-app/" + p.ID},
		Env:          []string{"PATH=/ko-app"},
		ExposedPorts: ports(p.ID),
		Labels:       b.labels(p.ID),
	}
	img, err = mutate.ConfigFile(img, cfg)
	if err != nil {
		return nil, err
	}
	return mutate.ConfigMediaType(img, types.OCIConfigJSON), nil
}

func (b Builder) labels(id string) map[string]string {
	const prefix = "org.opencontainers.image."
	l := map[string]string{
		prefix + "title":    b.Prefix + "/" + id,
		prefix + "version":  b.Version,
		prefix + "licenses": "Apache-2.0",
	}
	if d := description(id); d != "" {
		l[prefix+"description"] = d
	}
	if b.Revision != "" {
		l[prefix+"revision"] = b.Revision
	}
	return l
}

func description(id string) string {
	switch id {
	case "marketplace":
		return "The web shop of Bookstall, an online bookshop"
	case "recommendations":
		return "Recommends books over gRPC; part of Bookstall, an online bookshop"
	case "load":
		return "Generates a steady load on the shop and reports the results; for tests"
	case "otlpsink":
		return "Receives traces and prints their spans; for tests"
	default:
		return ""
	}
}

// ports returns the default ports of a program. They are only informative.
func ports(id string) map[string]struct{} {
	switch id {
	case "marketplace":
		return map[string]struct{}{"8080/tcp": {}, "9090/tcp": {}}
	case "recommendations":
		return map[string]struct{}{"50051/tcp": {}, "9090/tcp": {}}
	default:
		return nil
	}
}

// entry is a file or, if its name ends with a slash, a folder.
type entry struct {
	name  string
	mode  int64
	data  []byte
	owner int // user and group
}

// data returns the data folder of a program, if it has one. A new volume that is mounted
// there takes its owner, so the program can write.
func data(id string) []entry {
	if id != "recommendations" && id != "certs" {
		return nil
	}
	return []entry{{name: "data/", mode: 0o755, owner: 65532}}
}

// baseFiles returns the files that programs expect on any system: the names of the users
// and groups, and a folder for temporary files.
func baseFiles() []entry {
	return []entry{
		{name: "etc/", mode: 0o755},
		{name: "etc/passwd", mode: 0o644, data: []byte("root:x:0:0:root:/:/none\nnonroot:x:65532:65532:nonroot:/:/none\n")},
		{name: "etc/group", mode: 0o644, data: []byte("root:x:0:\nnonroot:x:65532:\n")},
		{name: "tmp/", mode: 0o1777},
	}
}

// layer packs entries without times, so that it depends on their content only.
func layer(entries []entry) (v1.Layer, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: e.mode, Size: int64(len(e.data)), ModTime: time.Unix(0, 0), Typeflag: tar.TypeReg, Uid: e.owner, Gid: e.owner}
		if strings.HasSuffix(e.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer),
		tarball.WithCompressionLevel(gzip.BestCompression), tarball.WithCompressedCaching)
}
