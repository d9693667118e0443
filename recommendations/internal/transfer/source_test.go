package transfer

import (
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// pack writes n bytes of content to a file of gzip.
func pack(t *testing.T, n int, content io.Reader) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ratings.csv.gz")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, _ := gzip.NewWriterLevel(file, gzip.BestSpeed) // the level is valid
	_, err = io.CopyN(w, content, int64(n))
	if err := errors.Join(err, w.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// zeros pack well.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestAFileThatUnpacksToFarMoreThanItsSizeIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		bytes int
		want  error
	}{
		"a bomb": {2 * ratioMatter, errTooLarge},
		"small":  {ratioMatter, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := openFile(t.Context(), pack(t, test.bytes, zeros{}))
			if err != nil {
				t.Fatal(err)
			}
			defer s.close()
			n, err := io.Copy(io.Discard, s)
			if !errors.Is(err, test.want) || n > ratioMatter+1<<20 {
				t.Errorf("%d bytes read, then %v, want %v", n, err, test.want)
			}
		})
	}
}
