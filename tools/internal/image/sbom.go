package image

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"runtime/debug"
	"strings"
	"time"
)

// Document is an SPDX 2.3 document, with the fields that are used here.
type Document struct {
	ID            string         `json:"SPDXID"`
	Version       string         `json:"spdxVersion"`
	DataLicense   string         `json:"dataLicense"`
	Name          string         `json:"name"`
	Namespace     string         `json:"documentNamespace"`
	CreationInfo  creationInfo   `json:"creationInfo"`
	Packages      []spdxPackage  `json:"packages"`
	Relationships []relationship `json:"relationships"`
}

type creationInfo struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type spdxPackage struct {
	ID               string        `json:"SPDXID"`
	Name             string        `json:"name"`
	Version          string        `json:"versionInfo,omitempty"`
	Purpose          string        `json:"primaryPackagePurpose"`
	DownloadLocation string        `json:"downloadLocation"`
	FilesAnalyzed    bool          `json:"filesAnalyzed"`
	LicenseConcluded string        `json:"licenseConcluded"`
	LicenseDeclared  string        `json:"licenseDeclared"`
	Copyright        string        `json:"copyrightText"`
	SourceInfo       string        `json:"sourceInfo,omitempty"`
	Checksums        []checksum    `json:"checksums,omitempty"`
	ExternalRefs     []externalRef `json:"externalRefs,omitempty"`
}

type checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type externalRef struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type relationship struct {
	Element string `json:"spdxElementId"`
	Type    string `json:"relationshipType"`
	Related string `json:"relatedSpdxElement"`
}

const (
	noAssertion = "NOASSERTION"
	documentID  = "SPDXRef-DOCUMENT"
)

// SBOM lists what the image contains: the program, the standard library, and each module
// that is linked into the binary. Modules that only go.mod lists are not in it.
func (i Image) SBOM() (Document, error) {
	digest, err := i.Digest()
	if err != nil {
		return Document{}, err
	}
	container := newPackage("Image", i.Name.RepositoryStr(), i.Name.TagStr(), "CONTAINER")
	container.LicenseDeclared = "Apache-2.0"
	container.Checksums = []checksum{{Algorithm: "SHA256", Value: digest.Hex}}
	container.ExternalRefs = purl(fmt.Sprintf("pkg:oci/%s@sha256%%3A%s?arch=%s", i.Program.ID, digest.Hex, i.Platform.Architecture))

	main := newPackage("Main", i.info.Main.Path, i.Name.TagStr(), "APPLICATION")
	main.LicenseDeclared = "Apache-2.0"

	goVersion, _, _ := strings.Cut(strings.TrimPrefix(i.info.GoVersion, "go"), " ")
	std := newPackage("Go-stdlib", "stdlib", goVersion, "LIBRARY")
	std.ExternalRefs = purl("pkg:golang/stdlib@" + goVersion)

	doc := Document{
		ID: documentID, Version: "SPDX-2.3", DataLicense: "CC0-1.0",
		Name:         fmt.Sprintf("%s %s", i.Name, i.Platform),
		Namespace:    fmt.Sprintf("https://spdx.org/spdxdocs/%s-%s", i.Program.ID, digest.Hex),
		CreationInfo: creationInfo{Created: i.created.Format(time.RFC3339), Creators: []string{"Tool: bookstall-tools-images"}},
		Packages:     []spdxPackage{container, main, std},
		Relationships: []relationship{
			{documentID, "DESCRIBES", container.ID},
			{container.ID, "CONTAINS", main.ID},
			{main.ID, "DEPENDS_ON", std.ID},
		},
	}
	for n, dep := range i.info.Deps {
		m := module(n, dep)
		doc.Packages = append(doc.Packages, m)
		doc.Relationships = append(doc.Relationships, relationship{main.ID, "DEPENDS_ON", m.ID})
	}
	return doc, nil
}

func newPackage(id, name, version, purpose string) spdxPackage {
	return spdxPackage{
		ID: "SPDXRef-" + id, Name: name, Version: version, Purpose: purpose, DownloadLocation: noAssertion,
		LicenseConcluded: noAssertion, LicenseDeclared: noAssertion, Copyright: noAssertion,
	}
}

// module describes a dependency. The number n keeps identifiers unique after characters
// that SPDX does not allow are replaced.
func module(n int, m *debug.Module) spdxPackage {
	if m.Replace != nil {
		m = m.Replace
	}
	other := regexp.MustCompile(`[^a-zA-Z0-9.-]+`)
	p := newPackage(fmt.Sprintf("Module-%d-%s", n+1, other.ReplaceAllString(m.Path, "-")), m.Path, m.Version, "LIBRARY")
	if m.Sum != "" {
		p.SourceInfo = "go.sum " + m.Sum // not a checksum of SPDX: it is a hash of hashes
	}
	p.ExternalRefs = purl(fmt.Sprintf("pkg:golang/%s@%s", m.Path, strings.ReplaceAll(m.Version, "+", "%2B")))
	return p
}

func purl(locator string) []externalRef {
	return []externalRef{{Category: "PACKAGE-MANAGER", Type: "purl", Locator: locator}}
}

// JSON returns the document as it is written and published.
func (d Document) JSON() ([]byte, error) {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(d); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
