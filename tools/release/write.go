package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/partial"

	"bookstall/tools/internal/image"
)

// programs are those whose images are published; the others of .ko.yaml are for tests.
func programs() []string { return []string{"marketplace", "recommendations"} }

// chart is the name of the chart's folder in a release.
const chart = "chart"

// repositories returns the folders of a release below oci, each an OCI layout, and the
// repositories of a registry that they are published to.
func repositories() map[string]string {
	return map[string]string{
		"marketplace":     "bookstall/marketplace",
		"recommendations": "bookstall/recommendations",
		chart:             "charts/bookstall",
	}
}

const checksums = "checksums.txt"

// release makes the folder of a release.
type release struct {
	source  source
	builder string            // URI
	key     *ecdsa.PrivateKey // nil for no signatures
}

// write makes the folder, in place of an older release.
func (r release) write(ctx context.Context, folder string) error {
	if entries, err := os.ReadDir(folder); err == nil && len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(folder, checksums)); err != nil {
			return fmt.Errorf("%s is not empty, and is no release", folder)
		}
		if err := os.RemoveAll(folder); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // readable by everyone
		return err
	}
	recipe, err := image.ReadRecipe(r.source.root)
	if err != nil {
		return err
	}
	build := image.Builder{
		Root: r.source.root, Recipe: recipe, Prefix: "bookstall",
		Version: r.source.version, Revision: r.source.revision, Created: time.Unix(0, 0).UTC(),
	}
	chosen, err := recipe.Choose(programs())
	if err != nil {
		return err
	}
	for _, p := range chosen {
		images, err := build.Images(ctx, p, recipe.Platforms)
		if err != nil {
			return err
		}
		if err := r.writeImages(folder, p.ID, images); err != nil {
			return fmt.Errorf("%s: %w", p.ID, err)
		}
	}
	if err := r.writeChart(ctx, folder); err != nil {
		return fmt.Errorf("chart: %w", err)
	}
	return r.writeChecksums(folder)
}

// writeImages writes the images of a program with SBOMs and provenance.
func (r release) writeImages(folder, id string, images []image.Image) error {
	dir := filepath.Join(folder, "oci", id)
	if err := image.WriteLayout(dir, images); err != nil {
		return err
	}
	l, err := open(dir)
	if err != nil {
		return err
	}
	main, err := partial.Descriptor(image.Index(images))
	if err != nil {
		return err
	}
	p := r.provenance(id)
	p.addSubject(repositories()[id], main.Digest)
	for _, img := range images {
		platform := img.Platform.OS + "-" + img.Platform.Architecture
		desc, err := partial.Descriptor(img)
		if err != nil {
			return err
		}
		doc, err := img.SBOM()
		if err != nil {
			return err
		}
		text, err := doc.JSON()
		if err != nil {
			return err
		}
		name := id + "." + platform + ".spdx.json"
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
			return err
		}
		if _, err := l.attach(artefact{subject: desc, kind: spdx, content: text}); err != nil {
			return err
		}
		p.addSubject(repositories()[id]+" "+img.Platform.String(), desc.Digest)
		p.addByproduct(name, spdx, text)
	}
	return r.attest(l, folder, id, *main, p)
}

// writeChart writes the chart with its provenance.
func (r release) writeChart(ctx context.Context, folder string) error {
	c, err := readChart(r.source.root)
	if err != nil {
		return err
	}
	config, err := json.Marshal(c.fields)
	if err != nil {
		return err
	}
	text, err := packChart(ctx, r.source.root)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "bookstall-"+r.source.version+".tgz"), text, 0o644); err != nil {
		return err
	}
	l, err := create(filepath.Join(folder, "oci", chart))
	if err != nil {
		return err
	}
	main, err := l.attach(artefact{
		kind: helmChart, content: text, configType: helmConfig, config: config, tag: r.source.version,
		annotations: map[string]string{
			"org.opencontainers.image.title":   "bookstall",
			"org.opencontainers.image.version": r.source.version,
		},
	})
	if err != nil {
		return err
	}
	p := r.provenance(chart)
	p.addSubject(repositories()[chart], main.Digest)
	return r.attest(l, folder, chart, main, p)
}

// attest adds the provenance of an image or chart and, if there is a key, signatures.
func (r release) attest(l store, folder, id string, main v1.Descriptor, p provenance) error {
	text, err := p.JSON()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, id+".provenance.json"), text, 0o644); err != nil {
		return err
	}
	statement := artefact{subject: &main, kind: inToto, content: text}
	if r.key != nil {
		if statement.content, err = sealStatement(r.key, text); err != nil {
			return err
		}
		statement.kind = dsse
		statement.tag = cosignTag(main.Digest, "att") // where cosign looks
		statement.layerAnnotations = map[string]string{"predicateType": predicateType, cosignSignature: ""}
	}
	if _, err := l.attach(statement); err != nil || r.key == nil {
		return err
	}
	payload, err := signingPayload(repositories()[id], main.Digest)
	if err != nil {
		return err
	}
	signature, err := sign(r.key, payload)
	if err != nil {
		return err
	}
	_, err = l.attach(artefact{
		subject: &main, kind: simpleSigning, artifactType: signatureArtifact, content: payload,
		tag: cosignTag(main.Digest, "sig"), layerAnnotations: map[string]string{cosignSignature: signature},
	})
	return err
}

// writeChecksums lists all files of the release, and signs the list.
func (r release) writeChecksums(folder string) error {
	sums, err := sumFiles(folder)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, checksums), []byte(sums), 0o644); err != nil || r.key == nil {
		return err
	}
	signature, err := sign(r.key, []byte(sums))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, checksums+".sig"), []byte(signature+"\n"), 0o644)
}

// sumFiles returns the checksums of all files of a release, in the format of sha256sum.
func sumFiles(folder string) (string, error) {
	var sums strings.Builder
	files := os.DirFS(folder)
	err := fs.WalkDir(files, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || path == checksums || path == checksums+".sig" {
			return err
		}
		data, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		fmt.Fprintf(&sums, "%s  %s\n", hex.EncodeToString(sum[:]), path)
		return nil
	})
	return sums.String(), err
}

// open returns the layout in a folder, and create a new one.
func open(dir string) (store, error) {
	p, err := layout.FromPath(dir)
	return store{p}, err
}

func create(dir string) (store, error) {
	p, err := layout.Write(dir, empty.Index)
	return store{p}, err
}
