package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const root = "../.."

// TestRelease makes a release of this tree, publishes it to a registry, verifies it, and
// changes each of its files in turn.
func TestRelease(t *testing.T) {
	tree, version := tagged(t)
	private, public := keys(t)
	host := serve(t, true)
	folder := filepath.Join(t.TempDir(), "release")
	publish := []string{"publish", "-root", tree, "-o", folder, "-registry", host, "-key", private, "-builder", "https://ci.example/release"}
	var out bytes.Buffer
	if err := run(t.Context(), publish, &out, t.Output()); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", &out)
	t.Run("verified from the registry", func(t *testing.T) {
		verify := []string{"verify", "-root", tree, "-registry", host, "-key", public, "-builder", "https://ci.example/release"}
		out.Reset()
		if err := run(t.Context(), verify, &out, t.Output()); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"linux/amd64", "linux/arm64", "release " + version + " is what commit", "built by https://ci.example/release"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("no %q in\n%s", want, &out)
			}
		}
	})

	s, err := readSource(t.Context(), tree)
	if err != nil {
		t.Fatal(err)
	}
	v := verification{version: version, got: folder, want: filepath.Join(t.TempDir(), "rebuilt"), files: true}
	if v.key, err = readPublicKey(public); err != nil {
		t.Fatal(err)
	}
	if err := (release{source: s, builder: "https://ci.example/release"}).write(t.Context(), v.want); err != nil {
		t.Fatal(err)
	}
	t.Run("verified from the folder", func(t *testing.T) {
		if err := v.check(io.Discard); err != nil {
			t.Error(err)
		}
		if out, err := command(t, folder, "sha256sum", "--check", "--quiet", checksums).CombinedOutput(); err != nil {
			t.Errorf("sha256sum: %v\n%s", err, out)
		}
	})
	t.Run("one flipped byte", func(t *testing.T) { testFlips(t, v) })
	t.Run("what is added or missing", func(t *testing.T) { testFiles(t, v) })
	t.Run("signatures", func(t *testing.T) { testSignatures(t, v) })
	t.Run("helm", func(t *testing.T) { testHelm(t, host, version) })
	t.Run("registries", func(t *testing.T) { testRegistries(t, v, host) })
}

// testFlips flips one byte of each file of the release in turn.
func testFlips(t *testing.T, v verification) {
	t.Helper()
	unlisted := v
	unlisted.files = false // as from a registry, where no checksums help
	named := map[string]bool{}
	files := map[string]bool{}
	err := filepath.WalkDir(v.got, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(v.got, path)
		if err != nil {
			return err
		}
		files[rel] = true
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		changed := bytes.Clone(data)
		changed[len(changed)/2] ^= 1
		if err := os.WriteFile(path, changed, 0o644); err != nil {
			return err
		}
		if err := v.check(io.Discard); err == nil || !strings.Contains(err.Error(), filepath.ToSlash(rel)) && rel != checksums {
			t.Errorf("%s: %v", rel, err)
		}
		if strings.Contains(rel, "/blobs/") {
			if err := unlisted.check(io.Discard); err == nil {
				t.Errorf("%s, without checksums: no error", rel)
			} else {
				for _, kind := range []string{
					"index:", "linux/amd64 manifest", "linux/arm64 configuration", "linux/amd64 layer", "chart layer", "chart manifest",
					"SBOM of linux/arm64 is not", "provenance is not", "no valid signature of bookstall/marketplace",
					"no valid signature of charts/bookstall", "no valid signature of the provenance",
				} {
					named[kind] = named[kind] || strings.Contains(err.Error(), kind)
				}
			}
		}
		return os.WriteFile(path, data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 40 || len(named) == 0 {
		t.Errorf("%d files", len(files))
	}
	for kind, found := range named {
		if !found {
			t.Errorf("no flipped byte is reported as %q", kind)
		}
	}
	if err := v.check(io.Discard); err != nil {
		t.Errorf("after all was put back: %v", err)
	}
}

// testFiles adds and removes files, and keeps the checksums right.
func testFiles(t *testing.T, v verification) {
	t.Helper()
	v.key = nil // the list of checksums is signed, so that this is for unsigned releases
	refresh := func() {
		t.Helper()
		sums, err := sumFiles(v.got)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(v.got, checksums), []byte(sums), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.ReadFile(filepath.Join(v.got, checksums))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"install.sh":                         "install.sh is no part of the release",
		"marketplace.linux-amd64.spdx.json":  "marketplace.linux-amd64.spdx.json differs",
		"recommendations.provenance.json":    "recommendations.provenance.json differs",
		"bookstall-" + v.version + ".tgz":    "tgz differs",
		"oci/marketplace/oci-layout":         "oci-layout differs",
		"oci/recommendations/blobs/sha256/x": "is damaged",
		"oci/chart/blobs/sha512/x":           "oci/chart/blobs/sha512/x is no part of the release",
		// The hash of "evil".
		"oci/chart/blobs/sha256/b5c1fb2efc6d6b4674c2fdcc48ce01b43a3b7c03763c0c3355de0099ee0f8c73": "is no part of the release",
	} {
		path := filepath.Join(v.got, name)
		old, readErr := os.ReadFile(path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("evil"), 0o644); err != nil {
			t.Fatal(err)
		}
		refresh()
		if err := v.check(io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s changed: %v, want %q", name, err, want)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if readErr != nil {
			continue
		}
		refresh()
		if err := v.check(io.Discard); err == nil || !strings.Contains(err.Error(), name+" is missing") {
			t.Errorf("%s removed: %v", name, err)
		}
		if err := os.WriteFile(path, old, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	refresh()
	if after, err := os.ReadFile(filepath.Join(v.got, checksums)); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the checksums are not those of before: %v", err)
	}
}

// testSignatures verifies with another key, and a release without signatures.
func testSignatures(t *testing.T, v verification) {
	t.Helper()
	_, public := keys(t)
	other := v
	var err error
	if other.key, err = readPublicKey(public); err != nil {
		t.Fatal(err)
	}
	unsigned := v
	unsigned.got = v.want
	for name, v := range map[string]verification{"another key": other, "no signatures": unsigned} {
		err := v.check(io.Discard)
		for _, want := range []string{
			"checksums.txt.sig", "no valid signature of bookstall/marketplace", "no valid signature of bookstall/recommendations",
			"no valid signature of charts/bookstall", "no valid signature of the provenance",
		} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
	}
	unsigned.key = nil
	if err := unsigned.check(io.Discard); err != nil {
		t.Errorf("an unsigned release, without a key: %v", err)
	}
}

// testRegistries publishes to registries with and without the referrers API of OCI 1.1, and
// again; then it puts another image in the place of a published one.
func testRegistries(t *testing.T, v verification, first string) {
	t.Helper()
	var digests []string
	for _, host := range []string{first, serve(t, false) + "/with/a/path"} {
		var out bytes.Buffer
		if err := push(t.Context(), v.got, host, v.version, &out); err != nil {
			t.Fatal(err)
		}
		digests = append(digests, strings.Join(regexp.MustCompile(`sha256:[0-9a-f]{64}`).FindAllString(out.String(), -1), " "))
		published := v
		published.got, published.files = filepath.Join(t.TempDir(), "published"), false
		if err := pull(t.Context(), host, v.version, published.got); err != nil {
			t.Fatal(err)
		}
		if err := published.check(io.Discard); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if digests[0] != digests[1] || strings.Count(digests[0], " ") != 2 {
		t.Errorf("digests %q", digests)
	}

	repo, err := repository(first, "marketplace")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(repo.Tag(v.version), empty.Image); err != nil {
		t.Fatal(err)
	}
	if err := push(t.Context(), v.got, first, v.version, io.Discard); err == nil || !strings.Contains(err.Error(), "a version does not change") {
		t.Errorf("a version that is published is published again: %v", err)
	}
	published := v
	published.got, published.files = filepath.Join(t.TempDir(), "published"), false
	if err := pull(t.Context(), first, v.version, published.got); err != nil {
		t.Fatal(err)
	}
	if err := published.check(io.Discard); err == nil || !strings.Contains(err.Error(), "marketplace: "+v.version+" is sha256:") {
		t.Errorf("another image in the registry: %v", err)
	}
}

// testHelm renders the published chart, whose images must be published too.
func testHelm(t *testing.T, host, version string) {
	t.Helper()
	helm, err := filepath.Abs(filepath.Join(root, ".tools", "bin", "helm"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := command(t, t.TempDir(), helm, "template", "shop", "oci://"+host+"/charts/bookstall", "--version", version,
		"--plain-http", "--kube-version=1.34.0", "--set=image.registry="+host).Output()
	if err != nil {
		t.Fatalf("helm: %v", err)
	}
	for _, id := range programs() {
		image := regexp.MustCompile(`image: (\S+` + id + `:\S+)`).FindSubmatch(out)
		if image == nil {
			t.Fatalf("no image of %s", id)
		}
		ref, err := name.ParseReference(string(image[1]))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := remote.Index(ref); err != nil {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

// serve returns the address of a registry on loopback.
func serve(t *testing.T, referrers bool) string {
	t.Helper()
	s := httptest.NewServer(registry.New(registry.WithReferrersSupport(referrers), registry.Logger(slog.NewLogLogger(slog.DiscardHandler, 0))))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// keys writes a pair of keys to files.
func keys(t *testing.T) (private, public string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	private, public = filepath.Join(dir, "release.key"), filepath.Join(dir, "release.pub")
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	open, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{private: {Type: "PRIVATE KEY", Bytes: secret}, public: {Type: "PUBLIC KEY", Bytes: open}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return private, public
}

// tagged copies this tree to a repository of its own and tags it with the chart's version.
func tagged(t *testing.T) (tree, version string) {
	t.Helper()
	tree = t.TempDir()
	files, err := git(t.Context(), root, "ls-files", "--cached", "--others", "--exclude-standard")
	if err != nil {
		t.Fatal(err)
	}
	for file := range strings.Lines(files) {
		file = strings.TrimSpace(file)
		data, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			continue // deleted, and not committed yet
		}
		if err := os.MkdirAll(filepath.Join(tree, filepath.Dir(file)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tree, file), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c, err := readChart(tree)
	if err != nil {
		t.Fatal(err)
	}
	changelog := filepath.Join(tree, "CHANGELOG.md")
	text, err := os.ReadFile(changelog)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("(unreleased)"), []byte("(2026-11-26)"), 1)
	if err := os.WriteFile(changelog, text, 0o644); err != nil {
		t.Fatal(err)
	}
	commit(t, tree, "v"+c.version)
	return tree, c.version
}

// commit makes a repository of a folder, with one commit and a tag.
func commit(t *testing.T, dir, tag string) {
	t.Helper()
	for _, args := range [][]string{
		{"init", "--quiet"},
		{"add", "."},
		{"-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false", "commit", "--quiet", "--message=all"},
		{"tag", tag},
	} {
		if out, err := command(t, dir, "git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
}

// writeTagged makes a repository with nothing but a chart and a changelog.
func writeTagged(t *testing.T, dir, chart, changelog, tag string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, chartFolder), 0o755); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{chartFolder + "/Chart.yaml": chart, "CHANGELOG.md": changelog} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	commit(t, dir, tag)
}

// command returns a command without the configuration of this machine's user.
func command(t *testing.T, dir, program string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	return cmd
}

// TestOnlyATagIsReleased checks what keeps a checkout from being a release.
func TestOnlyATagIsReleased(t *testing.T) {
	const chartText = "version: %s\nappVersion: %s\n"
	for name, row := range map[string]struct {
		chart, changelog, tag string
		dirty                 bool
		want                  []string // nothing: it is one
	}{
		"a release":            {fmt.Sprintf(chartText, "1.2.3", "1.2.3"), "## 1.2.3 (2026-11-26)\n", "v1.2.3", false, nil},
		"no tag":               {fmt.Sprintf(chartText, "1.2.3", "1.2.3"), "## 1.2.3 (2026-11-26)\n", "other", false, []string{"want one such as v1.2.3"}},
		"another chart":        {fmt.Sprintf(chartText, "1.2.3", "1.2.4"), "## 1.2.3 (2026-11-26)\n", "v1.2.3", false, []string{"appVersion 1.2.4, the tag 1.2.3"}},
		"nothing in the log":   {fmt.Sprintf(chartText, "1.2.3", "1.2.3"), "## 1.2.2 (2026-11-25)\n", "v1.2.3", false, []string{`no heading "## 1.2.3 (YYYY-MM-DD)"`}},
		"not released yet":     {fmt.Sprintf(chartText, "1.2.3", "1.2.3"), "## 1.2.3 (unreleased)\n", "v1.2.3", false, []string{"no heading"}},
		"changes, and a chart": {fmt.Sprintf(chartText, "1.2.4", "1.2.3"), "", "v1.2.3", true, []string{"uncommitted changes:\n?? new", "version 1.2.4", "no heading"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeTagged(t, dir, row.chart, row.changelog, row.tag)
			if row.dirty {
				if err := os.WriteFile(filepath.Join(dir, "new"), nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			s, err := readSource(t.Context(), dir)
			if len(row.want) == 0 && (err != nil || s.version != "1.2.3" || len(s.revision) != 40) {
				t.Errorf("%+v, %v", s, err)
			}
			for _, want := range row.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q", err, want)
				}
			}
		})
	}
}

// TestTheRegistryIsAskedFirst checks that nothing is built for a registry that does not answer.
func TestTheRegistryIsAskedFirst(t *testing.T) {
	dir := t.TempDir()
	writeTagged(t, dir, "version: 1.2.3\nappVersion: 1.2.3\n", "## 1.2.3 (2026-11-26)\n", "v1.2.3")
	gone := httptest.NewServer(nil)
	gone.Close()
	host := strings.TrimPrefix(gone.URL, "http://")
	err := run(t.Context(), []string{"publish", "-root", dir, "-registry", host}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), host) {
		t.Errorf("%v, want an error of %s", err, host)
	}
	if _, err := os.Stat(filepath.Join(dir, "bin")); err == nil {
		t.Error("a release was built")
	}
}

func TestRefused(t *testing.T) {
	for want, args := range map[string][]string{
		"want a command, publish":    nil,
		`unknown argument "x"`:       {"publish", "x"},
		"or else -unsigned":          {"verify"},
		"want -key FILE, the public": {"verify", "-key", "a", "-unsigned"},
	} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", args, err, want)
		}
	}
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "letter"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (release{}).write(t.Context(), full); err == nil || !strings.Contains(err.Error(), "is not empty, and is no release") {
		t.Errorf("a folder with something else: %v", err)
	}
}

func TestKeys(t *testing.T) {
	private, public := keys(t)
	if _, err := readPrivateKey(public); err == nil {
		t.Error("a public key is read as a private one")
	}
	if _, err := readPublicKey(private); err == nil {
		t.Error("a private key is read as a public one")
	}
	openssl := filepath.Join(t.TempDir(), "openssl.key")
	if out, err := command(t, ".", "openssl", "ecparam", "-name", "prime256v1", "-genkey", "-out", openssl).CombinedOutput(); err != nil {
		t.Fatalf("openssl: %v\n%s", err, out)
	}
	if _, err := readPrivateKey(openssl); err != nil {
		t.Errorf("a key of openssl ecparam: %v", err)
	}
}

// Where cosign looks, there must be a signature of the key, too, and there may be others.
func TestTheTagsOfCosign(t *testing.T) {
	private, public := keys(t)
	r := release{}
	v := verification{version: "1.2.3"}
	var err error
	if r.key, err = readPrivateKey(private); err != nil {
		t.Fatal(err)
	}
	if v.key, err = readPublicKey(public); err != nil {
		t.Fatal(err)
	}
	host, folder := serve(t, true), t.TempDir()
	for id := range repositories() {
		l, err := create(filepath.Join(folder, "oci", id))
		if err != nil {
			t.Fatal(err)
		}
		if err := l.AppendImage(empty.Image, layout.WithAnnotations(map[string]string{refName: v.version})); err != nil {
			t.Fatal(err)
		}
		main, err := partial.Descriptor(empty.Image)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.attest(l, folder, id, *main, provenance{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := push(t.Context(), folder, host, v.version, io.Discard); err != nil {
		t.Fatal(err)
	}
	if err := v.checkTags(t.Context(), host); err != nil {
		t.Fatal(err)
	}
	repo, err := repository(host, "marketplace")
	if err != nil {
		t.Fatal(err)
	}
	main, err := empty.Image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	tag := repo.Tag(cosignTag(main, "sig"))
	signed, err := remote.Image(tag)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := signed.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	another := manifest.Layers[0]
	another.Annotations = map[string]string{cosignSignature: "bm8gc2lnbmF0dXJl"}
	for name, test := range map[string]struct {
		layers []v1.Descriptor
		want   string
	}{
		"another one, added": {[]v1.Descriptor{another, manifest.Layers[0]}, ""},
		"another one alone":  {[]v1.Descriptor{another}, "no valid signature at " + tag.String() + ": not signed by this key"},
	} {
		changed := manifest.DeepCopy()
		changed.Layers = test.layers
		if err := remote.Put(tag, manifestOnly{changed}); err != nil {
			t.Fatal(err)
		}
		if err := v.checkTags(t.Context(), host); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if err := remote.Delete(repo.Tag(cosignTag(main, "att"))); err != nil {
		t.Fatal(err)
	}
	if err := v.checkTags(t.Context(), host); err == nil || !strings.Contains(err.Error(), ".att: ") {
		t.Errorf("without the signature of the provenance: %v", err)
	}
}

// manifestOnly is a manifest to put into a registry.
type manifestOnly struct{ *v1.Manifest }

func (p manifestOnly) RawManifest() ([]byte, error) { return json.Marshal(p.Manifest) }

//nolint:unparam // package remote asks for it in this form
func (p manifestOnly) MediaType() (types.MediaType, error) { return p.Manifest.MediaType, nil }
