package image

import (
	"fmt"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// WriteArchive writes the image in the format of `docker save`.
func (i Image) WriteArchive(file string) error {
	tmp := file + ".tmp"
	if err := tarball.WriteToFile(tmp, i.Name, i.Image); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return os.Rename(tmp, file)
}

// Index returns an index of the images of one program.
func Index(images []Image) v1.ImageIndex {
	idx := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, i := range images {
		platform := i.Platform
		idx = mutate.AppendManifests(idx, mutate.IndexAddendum{Add: i.Image, Descriptor: v1.Descriptor{Platform: &platform}})
	}
	return idx
}

// WriteLayout writes the images of one program as an OCI layout with one index. It first
// removes what is in dir, so that no blobs of older images remain.
func WriteLayout(dir string, images []Image) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	p, err := layout.Write(dir, empty.Index)
	if err != nil {
		return fmt.Errorf("write %s: %w", dir, err)
	}
	err = p.AppendIndex(Index(images), layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": images[0].Name.TagStr(),
	}))
	if err != nil {
		return fmt.Errorf("write %s: %w", dir, err)
	}
	return nil
}

// Compressed returns the size of a download, in bytes: manifest, configuration and layers.
func Compressed(i v1.Image) (int64, error) {
	m, err := i.Manifest()
	if err != nil {
		return 0, err
	}
	n, err := i.Size()
	if err != nil {
		return 0, err
	}
	n += m.Config.Size
	for _, l := range m.Layers {
		n += l.Size
	}
	return n, nil
}
