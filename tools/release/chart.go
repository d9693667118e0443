package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// packChart returns the chart as an archive for Helm. helm package writes the times of the
// files into it, so that each checkout would make another.
func packChart(ctx context.Context, root string) ([]byte, error) {
	files, err := git(ctx, root, "ls-files", chartFolder)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	zip, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	w := tar.NewWriter(zip)
	for file := range strings.Lines(files) {
		file = strings.TrimSpace(file)
		data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
		if err != nil {
			return nil, err
		}
		h := &tar.Header{Name: strings.TrimPrefix(file, "helm/"), Mode: 0o644, Size: int64(len(data)), ModTime: time.Unix(0, 0), Typeflag: tar.TypeReg}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(data); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(w.Close(), zip.Close()); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
