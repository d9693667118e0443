package transfer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// source is one open file, plain or gzip. It knows how much of it was read, and
// stops reading when its context ends.
type source struct {
	io.Reader
	name string // as errors call it
	file *os.File
	size int64 // of the file, in bytes
	read *counter
}

// counter counts bytes on their way, and ends them with its context.
type counter struct {
	ctx  context.Context
	from io.Reader
	n    int64
}

func (c *counter) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.from.Read(p)
	c.n += int64(n)
	return n, err
}

// open opens a file; that it is compressed is seen by its first bytes, not by its
// name.
func open(ctx context.Context, path string) (*source, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a folder, want a file", path)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	s := &source{name: filepath.Base(path), file: file, size: info.Size(), read: &counter{ctx: ctx, from: file}}
	buffered := bufio.NewReaderSize(s.read, 1<<16)
	s.Reader = buffered
	if start, _ := buffered.Peek(2); bytes.Equal(start, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", s.name, err), file.Close())
		}
		s.name = strings.TrimSuffix(s.name, ".gz")
		s.Reader = bufio.NewReaderSize(unpacked, 1<<16)
	}
	return s, nil
}

func (s *source) close() error { return s.file.Close() }

// columns looks at the first line without reading it.
func (s *source) columns() []string {
	buffered, ok := s.Reader.(*bufio.Reader)
	if !ok {
		return nil
	}
	start, _ := buffered.Peek(1 << 12)
	line, _, _ := bytes.Cut(start, []byte("\n"))
	names, err := csv.NewReader(bytes.NewReader(line)).Read()
	if err != nil {
		return nil // whoever reads the file says what is wrong with it
	}
	for i := range names {
		names[i] = strings.TrimSpace(strings.TrimPrefix(names[i], "\uFEFF"))
	}
	return names
}

// has reports whether a file has all of some columns.
func (s *source) has(names ...string) bool {
	columns := s.columns()
	return !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(columns, name) })
}
