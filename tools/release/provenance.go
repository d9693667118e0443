package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	statementType = "https://in-toto.io/Statement/v1"
	predicateType = "https://slsa.dev/provenance/v1"
	// buildType names the way of building that docs/release.md describes.
	buildType = "urn:bookstall:release:v1"
	goPrefix  = "pkg:generic/go@"
)

// provenance is an in-toto statement with the provenance of SLSA 1.0. It has no times, so
// that building again makes it again, byte for byte.
type provenance struct {
	Type          string     `json:"_type"`
	Subject       []resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     predicate  `json:"predicate"`
}

type predicate struct {
	BuildDefinition struct {
		BuildType            string            `json:"buildType"`
		ExternalParameters   map[string]string `json:"externalParameters"`
		ResolvedDependencies []resource        `json:"resolvedDependencies"`
	} `json:"buildDefinition"`
	RunDetails struct {
		Builder struct {
			ID string `json:"id"`
		} `json:"builder"`
		Byproducts []resource `json:"byproducts,omitempty"`
	} `json:"runDetails"`
}

type resource struct {
	Name      string            `json:"name,omitempty"`
	URI       string            `json:"uri,omitempty"`
	MediaType string            `json:"mediaType,omitempty"`
	Digest    map[string]string `json:"digest,omitempty"`
}

// provenance returns the provenance of one part of the release, without subjects.
func (r release) provenance(part string) provenance {
	p := provenance{Type: statementType, PredicateType: predicateType}
	d := &p.Predicate.BuildDefinition
	d.BuildType = buildType
	d.ExternalParameters = map[string]string{"part": part, "version": r.source.version}
	d.ResolvedDependencies = []resource{
		{Name: "v" + r.source.version, Digest: map[string]string{"gitCommit": r.source.revision}},
		{URI: goPrefix + strings.TrimPrefix(goVersion(), "go")},
	}
	p.Predicate.RunDetails.Builder.ID = r.builder
	return p
}

func (p *provenance) addSubject(name string, h v1.Hash) {
	p.Subject = append(p.Subject, resource{Name: name, Digest: map[string]string{h.Algorithm: h.Hex}})
}

func (p *provenance) addByproduct(name string, kind types.MediaType, data []byte) {
	h, _, _ := v1.SHA256(bytes.NewReader(data)) // reading from memory does not fail
	list := &p.Predicate.RunDetails.Byproducts
	*list = append(*list, resource{Name: name, MediaType: string(kind), Digest: map[string]string{h.Algorithm: h.Hex}})
}

// JSON returns the statement as it is signed.
func (p provenance) JSON() ([]byte, error) { return json.Marshal(p) }

func (p provenance) builder() string { return p.Predicate.RunDetails.Builder.ID }

// goVersion returns the version of Go that built the release.
func (p provenance) goVersion() string {
	for _, d := range p.Predicate.BuildDefinition.ResolvedDependencies {
		if version, ok := strings.CutPrefix(d.URI, goPrefix); ok {
			return "go" + version
		}
	}
	return "an unknown version of Go"
}

// goVersion returns the version of Go that runs this program, which go run built, and that
// builds the release.
func goVersion() string {
	version, _, _ := strings.Cut(runtime.Version(), " ") // an experiment follows a space
	return version
}

// statement returns the statement in the content of a provenance artefact, signed or not.
func statement(kind types.MediaType, content []byte) ([]byte, error) {
	switch kind {
	case inToto:
		return content, nil
	case dsse:
		e, err := readEnvelope(content)
		return e.payload, err
	default:
		return nil, fmt.Errorf("%s is no provenance", kind)
	}
}
