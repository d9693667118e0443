package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// contents is what a layout holds of a release.
type contents struct {
	main      v1.Descriptor
	platforms map[string]v1.Hash // of an index of images
	referrers []referrer
	blobs     map[v1.Hash]string // of main and what it refers to: what each is
}

// referrer is an SBOM, a provenance or a signature.
type referrer struct {
	digest      v1.Hash
	kind        string // artifactType
	subject     v1.Hash
	mediaType   types.MediaType
	content     []byte
	annotations map[string]string // of the content
	blobs       []v1.Hash         // all that it consists of
}

// read returns what a layout holds of a version.
func (s store) read(version string) (contents, error) {
	text, err := os.ReadFile(filepath.Join(string(s.Path), "index.json"))
	if err != nil {
		return contents{}, err
	}
	var list v1.IndexManifest
	if err := json.Unmarshal(text, &list); err != nil {
		return contents{}, fmt.Errorf("index.json: %w", err)
	}
	c := contents{platforms: map[string]v1.Hash{}, blobs: map[v1.Hash]string{}}
	var faults []error
	for _, d := range list.Manifests {
		if d.Annotations[refName] == version {
			c.main = d
			faults = append(faults, s.readMain(&c))
			continue
		}
		r, err := s.readReferrer(d)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", d.Digest, err))
			continue
		}
		c.referrers = append(c.referrers, r)
	}
	if c.main.Digest == (v1.Hash{}) {
		faults = append(faults, fmt.Errorf("index.json does not have %s", version))
	}
	return c, errors.Join(faults...)
}

// readMain adds the image or chart itself.
func (s store) readMain(c *contents) error {
	if !c.main.MediaType.IsIndex() {
		return s.readManifest(c, "chart", c.main.Digest)
	}
	c.blobs[c.main.Digest] = "index"
	var idx v1.IndexManifest
	if err := s.decode(c.main.Digest, &idx); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	var faults []error
	for _, d := range idx.Manifests {
		platform := d.Platform.String()
		c.platforms[platform] = d.Digest
		faults = append(faults, s.readManifest(c, platform, d.Digest))
	}
	return errors.Join(faults...)
}

func (s store) readManifest(c *contents, what string, h v1.Hash) error {
	c.blobs[h] = what + " manifest"
	var m v1.Manifest
	if err := s.decode(h, &m); err != nil {
		return fmt.Errorf("%s manifest: %w", what, err)
	}
	c.blobs[m.Config.Digest] = what + " configuration"
	for _, l := range m.Layers {
		c.blobs[l.Digest] = what + " layer"
	}
	return nil
}

func (s store) readReferrer(d v1.Descriptor) (referrer, error) {
	var m v1.Manifest
	if err := s.decode(d.Digest, &m); err != nil {
		return referrer{}, err
	}
	if m.Subject == nil || len(m.Layers) != 1 {
		return referrer{}, fmt.Errorf("want a manifest with a subject and one layer, got %d layers", len(m.Layers))
	}
	content, err := s.Bytes(m.Layers[0].Digest)
	return referrer{
		digest: d.Digest, kind: m.ArtifactType, subject: m.Subject.Digest,
		mediaType: m.Layers[0].MediaType, content: content, annotations: m.Layers[0].Annotations,
		blobs: []v1.Hash{d.Digest, m.Config.Digest, m.Layers[0].Digest},
	}, err
}

func (s store) decode(h v1.Hash, to any) error {
	text, err := s.Bytes(h)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}

// ofKind returns the referrers of a kind.
func (c contents) ofKind(kinds ...types.MediaType) (list []referrer) {
	for _, r := range c.referrers {
		for _, k := range kinds {
			if r.kind == string(k) {
				list = append(list, r)
			}
		}
	}
	return list
}

// what names a digest that is the main one or one of a platform.
func (c contents) what(h v1.Hash) string {
	for platform, digest := range c.platforms {
		if digest == h {
			return platform
		}
	}
	return "all platforms"
}
