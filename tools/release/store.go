package main

import (
	"bytes"
	"encoding/json"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Media types of what is published beside images.
const (
	spdx              = types.MediaType("application/spdx+json")
	inToto            = types.MediaType("application/vnd.in-toto+json")
	dsse              = types.MediaType("application/vnd.dsse.envelope.v1+json")
	simpleSigning     = types.MediaType("application/vnd.dev.cosign.simplesigning.v1+json")
	signatureArtifact = types.MediaType("application/vnd.dev.cosign.artifact.sig.v1+json")
	helmChart         = types.MediaType("application/vnd.cncf.helm.chart.content.v1.tar+gzip")
	helmConfig        = types.MediaType("application/vnd.cncf.helm.config.v1+json")
	emptyConfig       = types.MediaType("application/vnd.oci.empty.v1+json")
)

// refName is the annotation of an OCI layout with the tag of a manifest.
const refName = "org.opencontainers.image.ref.name"

// store is an OCI layout: what one repository of a registry holds of a release.
type store struct{ layout.Path }

// artefact is something other than an image that a registry can hold (OCI 1.1).
type artefact struct {
	subject          *v1.Descriptor // what it describes; nil for nothing
	artifactType     types.MediaType
	kind             types.MediaType // of the content, and the artifactType if that is empty
	content          []byte
	layerAnnotations map[string]string
	configType       types.MediaType // empty for none
	config           []byte
	tag              string // empty for none
	annotations      map[string]string
}

// attach writes an artefact.
func (s store) attach(a artefact) (v1.Descriptor, error) {
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Subject: plain(a.subject), Annotations: a.annotations}
	if a.configType == "" {
		m.ArtifactType = string(a.kind)
		if a.artifactType != "" {
			m.ArtifactType = string(a.artifactType)
		}
		a.configType, a.config = emptyConfig, []byte("{}")
	}
	var err error
	if m.Config, err = s.put(a.configType, a.config); err != nil {
		return v1.Descriptor{}, err
	}
	content, err := s.put(a.kind, a.content)
	if err != nil {
		return v1.Descriptor{}, err
	}
	content.Annotations = a.layerAnnotations
	m.Layers = []v1.Descriptor{content}
	raw, err := json.Marshal(m)
	if err != nil {
		return v1.Descriptor{}, err
	}
	desc, err := s.put(m.MediaType, raw)
	if err != nil {
		return v1.Descriptor{}, err
	}
	entry := desc
	entry.ArtifactType = m.ArtifactType
	if a.tag != "" {
		entry.Annotations = map[string]string{refName: a.tag}
	}
	return desc, s.AppendDescriptor(entry)
}

// put writes a blob.
func (s store) put(kind types.MediaType, data []byte) (v1.Descriptor, error) {
	hash, size, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		return v1.Descriptor{}, err
	}
	return v1.Descriptor{MediaType: kind, Size: size, Digest: hash}, s.WriteBlob(hash, io.NopCloser(bytes.NewReader(data)))
}

// plain returns the fields of a descriptor that say what it points to.
func plain(d *v1.Descriptor) *v1.Descriptor {
	if d == nil {
		return nil
	}
	return &v1.Descriptor{MediaType: d.MediaType, Size: d.Size, Digest: d.Digest}
}

// cosignTag returns the tag under which cosign looks for signatures (sig) and attestations
// (att) of a digest.
func cosignTag(h v1.Hash, kind string) string { return h.Algorithm + "-" + h.Hex + "." + kind }
