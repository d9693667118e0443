package main

import (
	"fmt"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// writeArchive writes the image in the format of `docker save`.
func (i image) writeArchive(file string) error {
	tmp := file + ".tmp"
	if err := tarball.WriteToFile(tmp, i.name, i.Image); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return os.Rename(tmp, file)
}

// index returns an index of the images of one program.
func index(images []image) v1.ImageIndex {
	idx := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, i := range images {
		platform := i.platform
		idx = mutate.AppendManifests(idx, mutate.IndexAddendum{Add: i.Image, Descriptor: v1.Descriptor{Platform: &platform}})
	}
	return idx
}

// writeLayout writes the images of one program as an OCI layout with one index. It first
// removes what is in dir, so that no blobs of older images remain.
func writeLayout(dir string, images []image) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	p, err := layout.Write(dir, empty.Index)
	if err != nil {
		return fmt.Errorf("write %s: %w", dir, err)
	}
	err = p.AppendIndex(index(images), layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": images[0].name.TagStr(),
	}))
	if err != nil {
		return fmt.Errorf("write %s: %w", dir, err)
	}
	return nil
}

// compressed returns the size of a download, in bytes: manifest, configuration and layers.
func compressed(i v1.Image) (int64, error) {
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

func (i image) print(w io.Writer, file string) error {
	n, err := compressed(i)
	if err != nil {
		return err
	}
	digest, err := i.Digest()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\t%s\t%.1f MB\t%s\t%s\n", i.name, i.platform, float64(n)/1e6, digest, file)
	return err
}
