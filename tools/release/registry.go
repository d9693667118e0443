package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// repository returns the repository of a registry for a folder of the release.
func repository(registry, id string) (name.Repository, error) {
	return name.NewRepository(strings.TrimSuffix(registry, "/") + "/" + repositories()[id])
}

// access uses the logins of docker login, helm registry login and cosign login.
func access(ctx context.Context) []remote.Option {
	return []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)}
}

// push publishes a release. A version that is published does not change: if the registry
// has another image or chart of that version, nothing is pushed.
func push(ctx context.Context, folder, registry, version string, stdout io.Writer) error {
	ids := slices.Sorted(maps.Keys(repositories()))
	var faults []error
	for _, id := range ids {
		faults = append(faults, unpublished(ctx, folder, registry, id, version))
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	for _, id := range ids {
		repo, err := repository(registry, id)
		if err != nil {
			return err
		}
		main, err := pushRepository(ctx, filepath.Join(folder, "oci", id), repo)
		if err != nil {
			return fmt.Errorf("push %s: %w", repo, err)
		}
		fmt.Fprintf(stdout, "%s:%s@%s\n", repo, version, main)
	}
	return nil
}

// published returns the digest of a published version, and whether there is one.
func published(ctx context.Context, registry, id, version string) (v1.Hash, bool, error) {
	repo, err := repository(registry, id)
	if err != nil {
		return v1.Hash{}, false, err
	}
	d, err := remote.Head(repo.Tag(version), access(ctx)...)
	if missing(err) {
		return v1.Hash{}, false, nil
	} else if err != nil {
		return v1.Hash{}, false, err
	}
	return d.Digest, true, nil
}

func unpublished(ctx context.Context, folder, registry, id, version string) error {
	old, found, err := published(ctx, registry, id, version)
	if err != nil || !found {
		return err
	}
	l, err := open(filepath.Join(folder, "oci", id))
	if err != nil {
		return err
	}
	c, err := l.read(version)
	if err != nil {
		return err
	}
	if old != c.main.Digest {
		return fmt.Errorf("%s %s is published as %s, and this is %s: a version does not change, make a new one", repositories()[id], version, old, c.main.Digest)
	}
	return nil
}

func missing(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}

// pushRepository pushes all of a layout, the first manifest last: who sees the tag of a
// version sees its SBOMs and signatures too.
func pushRepository(ctx context.Context, dir string, repo name.Repository) (v1.Hash, error) {
	l, err := layout.FromPath(dir)
	if err != nil {
		return v1.Hash{}, err
	}
	top, err := l.ImageIndex()
	if err != nil {
		return v1.Hash{}, err
	}
	list, err := top.IndexManifest()
	if err != nil {
		return v1.Hash{}, err
	}
	for _, d := range slices.Backward(list.Manifests) {
		var ref name.Reference = repo.Digest(d.Digest.String())
		if tag := d.Annotations[refName]; tag != "" {
			ref = repo.Tag(tag)
		}
		if d.MediaType.IsIndex() {
			idx, err := top.ImageIndex(d.Digest)
			if err != nil {
				return v1.Hash{}, err
			}
			if err := remote.WriteIndex(ref, idx, access(ctx)...); err != nil {
				return v1.Hash{}, err
			}
			continue
		}
		img, err := top.Image(d.Digest)
		if err != nil {
			return v1.Hash{}, err
		}
		if err := remote.Write(ref, img, access(ctx)...); err != nil {
			return v1.Hash{}, err
		}
	}
	return list.Manifests[0].Digest, nil
}

// pull makes the OCI layouts of a published release in a folder.
func pull(ctx context.Context, registry, version, folder string) error {
	for _, id := range slices.Sorted(maps.Keys(repositories())) {
		repo, err := repository(registry, id)
		if err != nil {
			return err
		}
		if err := pullRepository(ctx, repo, version, filepath.Join(folder, "oci", id)); err != nil {
			return fmt.Errorf("pull %s:%s: %w", repo, version, err)
		}
	}
	return nil
}

func pullRepository(ctx context.Context, repo name.Repository, version, dir string) error {
	l, err := create(dir)
	if err != nil {
		return err
	}
	main, err := remote.Get(repo.Tag(version), access(ctx)...)
	if err != nil {
		return err
	}
	described := []v1.Hash{main.Digest}
	tag := layout.WithAnnotations(map[string]string{refName: version})
	if main.MediaType.IsIndex() {
		idx, err := main.ImageIndex()
		if err != nil {
			return err
		}
		if err := l.AppendIndex(idx, tag); err != nil {
			return err
		}
		list, err := idx.IndexManifest()
		if err != nil {
			return err
		}
		for _, d := range list.Manifests {
			described = append(described, d.Digest)
		}
	} else {
		img, err := main.Image()
		if err != nil {
			return err
		}
		if err := l.AppendImage(img, tag); err != nil {
			return err
		}
	}
	for _, h := range described {
		idx, err := remote.Referrers(repo.Digest(h.String()), access(ctx)...)
		if err != nil {
			return err
		}
		list, err := idx.IndexManifest()
		if err != nil {
			return err
		}
		for _, d := range list.Manifests {
			img, err := remote.Image(repo.Digest(d.Digest.String()), access(ctx)...)
			if err != nil {
				return err
			}
			if err := l.AppendImage(img); err != nil {
				return err
			}
		}
	}
	return nil
}
