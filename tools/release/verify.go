package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// verification compares a release with one that was built again.
type verification struct {
	version   string
	got, want string           // folders
	key       *ecdsa.PublicKey // nil: signatures are not checked
	files     bool             // got has the files of a release, besides OCI layouts
}

// check returns an error that names everything that is wrong.
func (v verification) check(stdout io.Writer) error {
	var faults []error
	if v.files {
		faults = append(faults, v.checkFiles())
	}
	for _, id := range slices.Sorted(maps.Keys(repositories())) {
		c, errs := v.checkRepository(id)
		for _, err := range errs {
			if err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", id, err))
			}
		}
		if errors.Join(errs...) != nil {
			continue
		}
		signed := "signatures not checked"
		if v.key != nil {
			signed = "signed"
		}
		fmt.Fprintf(stdout, "%-16s %s  %s\n", id, c.main.Digest, signed)
		for _, platform := range slices.Sorted(maps.Keys(c.platforms)) {
			fmt.Fprintf(stdout, "  %-14s %s\n", platform, c.platforms[platform])
		}
	}
	return errors.Join(faults...)
}

// checkFiles checks the files beside the OCI layouts, and that there are no others.
func (v verification) checkFiles() error {
	var faults []error
	sums, err := sumFiles(v.got)
	if err != nil {
		return err
	}
	stated, err := os.ReadFile(filepath.Join(v.got, checksums))
	if err != nil {
		return err
	}
	for line := range strings.Lines(sums) {
		if _, name, _ := strings.Cut(strings.TrimSpace(line), "  "); !strings.Contains(string(stated), line) {
			faults = append(faults, fmt.Errorf("%s does not have the checksum of %s", name, checksums))
		}
	}
	if len(faults) == 0 && sums != string(stated) {
		faults = append(faults, fmt.Errorf("%s has lines for what is not there", checksums))
	}
	if v.key != nil {
		signature, err := os.ReadFile(filepath.Join(v.got, checksums+".sig"))
		if err == nil {
			err = checkSignature(v.key, stated, strings.TrimSuffix(string(signature), "\n"))
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%s.sig: %w", checksums, err))
		}
	}
	return errors.Join(append(faults, v.compareFiles())...)
}

// compareFiles compares all files but blobs and those that signing changes.
func (v verification) compareFiles() error {
	list := func(folder string) (map[string][]byte, error) {
		texts := map[string][]byte{}
		files := os.DirFS(folder)
		err := fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || name == checksums || name == checksums+".sig" {
				return err
			}
			for _, elsewhere := range []string{"oci/*/index.json", "oci/*/blobs/sha256/*"} {
				if matches, err := path.Match(elsewhere, name); err != nil || matches {
					return err // checkRepository looks at these
				}
			}
			texts[name], err = fs.ReadFile(files, name)
			return err
		})
		return texts, err
	}
	got, err := list(v.got)
	if err != nil {
		return err
	}
	want, err := list(v.want)
	if err != nil {
		return err
	}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if text, ok := got[name]; !ok {
			faults = append(faults, fmt.Errorf("%s is missing", name))
		} else if !bytes.Equal(text, want[name]) {
			faults = append(faults, fmt.Errorf("%s differs from what is built", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok {
			faults = append(faults, fmt.Errorf("%s is no part of the release", name))
		}
	}
	return errors.Join(faults...)
}

func (v verification) checkRepository(id string) (contents, []error) {
	wanted, err := open(filepath.Join(v.want, "oci", id))
	if err != nil {
		return contents{}, []error{err}
	}
	want, err := wanted.read(v.version)
	if err != nil {
		return contents{}, []error{err}
	}
	given, err := open(filepath.Join(v.got, "oci", id))
	if err != nil {
		return contents{}, []error{err}
	}
	got, err := given.read(v.version)
	faults := []error{given.checkBlobs(got, want), err}
	if got.main.Digest != want.main.Digest {
		faults = append(faults, fmt.Errorf("%s is %s, what is built is %s", v.version, got.main.Digest, want.main.Digest))
		for _, platform := range slices.Sorted(maps.Keys(want.platforms)) {
			if g, w := got.platforms[platform], want.platforms[platform]; g != w {
				faults = append(faults, fmt.Errorf("%s is %s, what is built is %s", platform, g, w))
			}
		}
	}
	faults = append(faults, checkSBOMs(got, want), checkProvenance(got, want), checkOthers(got))
	if v.key != nil {
		faults = append(faults, v.checkSigned(got, want, repositories()[id]))
	}
	return want, faults
}

// checkBlobs checks that each blob is what its name says, and that none is missing or unknown.
func (s store) checkBlobs(got, want contents) error {
	var faults []error
	others := map[v1.Hash]bool{}
	for _, r := range got.referrers {
		for _, h := range r.blobs {
			others[h] = true
		}
	}
	folder := filepath.Join(string(s.Path), "blobs", "sha256")
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	have := map[v1.Hash]bool{}
	for _, e := range entries {
		name := v1.Hash{Algorithm: "sha256", Hex: e.Name()}
		have[name] = true
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return err
		}
		if h, _, err := v1.SHA256(bytes.NewReader(text)); err != nil || h != name {
			what := cmp.Or(want.blobs[name], "SBOM, provenance or signature")
			faults = append(faults, fmt.Errorf("%s: %s is damaged", what, name))
		} else if want.blobs[name] == "" && !others[name] {
			faults = append(faults, fmt.Errorf("blob %s is no part of the release", name))
		}
	}
	for h, what := range want.blobs {
		if !have[h] {
			faults = append(faults, fmt.Errorf("%s: %s is missing", what, h))
		}
	}
	return errors.Join(faults...)
}

func checkSBOMs(got, want contents) error {
	var faults []error
	for _, w := range want.ofKind(spdx) {
		if !slices.ContainsFunc(got.ofKind(spdx), func(g referrer) bool {
			return g.digest == w.digest && bytes.Equal(g.content, w.content)
		}) {
			faults = append(faults, fmt.Errorf("SBOM of %s is not that of what is built", want.what(w.subject)))
		}
	}
	if g, w := len(got.ofKind(spdx)), len(want.ofKind(spdx)); g != w {
		faults = append(faults, fmt.Errorf("%d SBOMs, want %d", g, w))
	}
	return errors.Join(faults...)
}

func checkProvenance(got, want contents) error {
	w := want.ofKind(inToto)[0]
	list := got.ofKind(inToto, dsse)
	if len(list) != 1 || list[0].subject != w.subject {
		return fmt.Errorf("%d statements of provenance, want one of %s", len(list), w.subject)
	}
	text, err := statement(list[0].mediaType, list[0].content)
	if err != nil {
		return fmt.Errorf("provenance: %w", err)
	}
	if !bytes.Equal(text, w.content) {
		return fmt.Errorf("provenance is not that of what is built: %s, want %s", text, w.content)
	}
	return nil
}

func checkOthers(got contents) error {
	known := len(got.ofKind(spdx, inToto, dsse, signatureArtifact))
	if known != len(got.referrers) {
		return fmt.Errorf("%d manifests that are no part of the release", len(got.referrers)-known)
	}
	return nil
}

// checkSigned checks the signatures of the image or chart and of its provenance. One good
// signature is enough: others may be of another key.
func (v verification) checkSigned(got, want contents, repository string) error {
	var faults []error
	signed := false
	var refused error
	for _, s := range got.ofKind(signatureArtifact) {
		err := checkSignature(v.key, s.content, s.annotations[cosignSignature])
		if err == nil {
			err = checkPayload(s.content, want.main.Digest)
		}
		signed = signed || err == nil
		refused = errors.Join(refused, err)
	}
	if !signed {
		faults = append(faults, fmt.Errorf("no valid signature of %s: %w", repository, cmp.Or(refused, errSignature)))
	}
	for _, p := range got.ofKind(inToto, dsse) {
		e, err := readEnvelope(p.content)
		if err == nil {
			err = checkSignature(v.key, e.encoding(), e.Signatures[0].Sig)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("no valid signature of the provenance: %w", err))
		}
	}
	return errors.Join(faults...)
}

// checkTags checks what cosign finds in a registry. It looks at tags, and what is there may be
// none of the referrers. One good signature is enough there, too: others may be added.
func (v verification) checkTags(ctx context.Context, registry string) error {
	var faults []error
	for _, id := range slices.Sorted(maps.Keys(repositories())) {
		repo, err := repository(registry, id)
		if err != nil {
			return err
		}
		main, found, err := published(ctx, registry, id, v.version)
		if err != nil || !found {
			faults = append(faults, fmt.Errorf("%s: %s is not published: %w", id, v.version, cmp.Or(err, fs.ErrNotExist)))
			continue
		}
		for _, kind := range []string{"sig", "att"} {
			tag := repo.Tag(cosignTag(main, kind))
			if err := v.checkTag(ctx, tag, main); err != nil {
				faults = append(faults, fmt.Errorf("%s: no valid signature at %s: %w", id, tag, err))
			}
		}
	}
	return errors.Join(faults...)
}

// checkTag returns an error if no layer of a manifest has a good signature, of main or of an
// envelope.
func (v verification) checkTag(ctx context.Context, tag name.Tag, main v1.Hash) error {
	img, err := remote.Image(tag, access(ctx)...)
	if err != nil {
		return err
	}
	manifest, err := img.Manifest()
	if err != nil {
		return err
	}
	refused := errSignature
	for _, d := range manifest.Layers {
		content, err := layerOf(img, d)
		if err != nil {
			return err
		}
		if d.MediaType == dsse {
			var e envelope
			if e, err = readEnvelope(content); err == nil {
				err = checkSignature(v.key, e.encoding(), e.Signatures[0].Sig)
			}
		} else if err = checkSignature(v.key, content, d.Annotations[cosignSignature]); err == nil {
			err = checkPayload(content, main)
		}
		if err == nil {
			return nil
		}
		refused = err
	}
	return refused
}

func layerOf(img v1.Image, d v1.Descriptor) ([]byte, error) {
	layer, err := img.LayerByDigest(d.Digest)
	if err != nil {
		return nil, err
	}
	from, err := layer.Compressed()
	if err != nil {
		return nil, err
	}
	defer from.Close()
	const most = 16 << 20
	return io.ReadAll(io.LimitReader(from, most))
}

// readProvenance returns the provenance of the first image of a release.
func readProvenance(folder, version string) (provenance, error) {
	l, err := open(filepath.Join(folder, "oci", programs()[0]))
	if err != nil {
		return provenance{}, fmt.Errorf("no release in %s: %w", folder, err)
	}
	c, faults := l.read(version)
	list := c.ofKind(inToto, dsse)
	if len(list) == 0 {
		return provenance{}, errors.Join(fmt.Errorf("no provenance of %s in %s", version, folder), faults)
	}
	text, err := statement(list[0].mediaType, list[0].content)
	if err != nil {
		return provenance{}, fmt.Errorf("provenance: %w", err)
	}
	var p provenance
	if err := json.Unmarshal(text, &p); err != nil {
		return provenance{}, fmt.Errorf("provenance: %w", err)
	}
	return p, nil
}
