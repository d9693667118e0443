package transfer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// source is an open file, plain or compressed with gzip. It counts the bytes read,
// and its reads fail when the context ends.
type source struct {
	*bufio.Reader        // uncompressed content
	name          string // the file's name in errors, without .gz
	file          *os.File
	size          int64 // file size in bytes
	read          *counter
}

// counter counts the bytes read from a reader, until its context ends.
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

// openFile opens a file. Its first bytes, not its name, tell whether it is compressed.
func openFile(ctx context.Context, path string) (*source, error) {
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
	s.Reader = bufio.NewReaderSize(s.read, 1<<16)
	start, _ := s.Peek(4) // a shorter file has no such beginning
	if bytes.Equal(start, []byte("PK\x03\x04")) || bytes.Equal(start, []byte{0xd0, 0xcf, 0x11, 0xe0}) {
		return nil, errors.Join(fmt.Errorf("%s is a workbook of a spreadsheet program, or a ZIP archive: save it as CSV, or unpack it", s.name), file.Close())
	}
	if bytes.HasPrefix(start, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(s.Reader)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", s.name, err), file.Close())
		}
		s.name = strings.TrimSuffix(s.name, ".gz")
		s.Reader = bufio.NewReaderSize(&bounded{from: unpacked, name: s.name, packed: s.size}, 1<<16)
	}
	return s, nil
}

// A file of gzip may unpack to a thousand times its size; CSV files of books and ratings do
// to five or ten.
const (
	maxRatio    = 100
	ratioMatter = 64 << 20 // bytes; less than that does no harm
)

// errTooLarge is the error of a file that unpacks to far more than its size.
var errTooLarge = errors.New("unpacks to far more than its size")

// bounded fails when a file has unpacked to far more than its size.
type bounded struct {
	from   io.Reader
	name   string
	packed int64 // size of the file in bytes
	n      int64 // bytes unpacked
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if b.n += int64(n); b.n > ratioMatter && b.n > maxRatio*b.packed {
		return 0, fmt.Errorf("%s %w: over %d MB from %d kB; unpack it first if that is right", b.name, errTooLarge, b.n>>20, b.packed>>10)
	}
	return n, err
}

func (s *source) close() error { return s.file.Close() }
