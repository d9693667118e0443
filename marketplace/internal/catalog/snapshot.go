package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const (
	snapshotFormat  = 1
	maxSnapshotSize = 512 << 20 // bounds memory if the path names some other file
)

var errDamaged = errors.New("snapshot is damaged")

// snapshotFile is the JSON document of a snapshot. The checksum covers the bytes of
// contents as they are in the file.
type snapshotFile struct {
	Format   int             `json:"format"`
	Checksum string          `json:"sha256"`
	Contents json.RawMessage `json:"contents"`
}

// Save writes a snapshot, replacing the file at path atomically: it holds either the
// old or the new snapshot, even after a power cut.
func Save(path string, contents Contents) error {
	raw, err := json.Marshal(contents)
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	whole, err := json.Marshal(snapshotFile{Format: snapshotFormat, Checksum: checksum(raw), Contents: raw})
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	if err := writeFile(path, whole); err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	return nil
}

// Load reads a snapshot. A file that is missing, damaged or in another format is an
// error.
func Load(path string) (Contents, error) {
	file, err := os.Open(path)
	if err != nil {
		return Contents{}, fmt.Errorf("snapshot: %w", err)
	}
	defer file.Close()
	whole, err := io.ReadAll(io.LimitReader(file, maxSnapshotSize+1))
	if err != nil {
		return Contents{}, fmt.Errorf("snapshot: %w", err)
	}
	contents, err := decode(whole)
	if err != nil {
		return Contents{}, fmt.Errorf("snapshot %s: %w", path, err)
	}
	return contents, nil
}

func decode(whole []byte) (Contents, error) {
	if len(whole) > maxSnapshotSize {
		return Contents{}, fmt.Errorf("%w: it is larger than %d bytes", errDamaged, maxSnapshotSize)
	}
	var file snapshotFile
	if err := json.Unmarshal(whole, &file); err != nil {
		return Contents{}, fmt.Errorf("%w: %w", errDamaged, err)
	}
	if file.Format != snapshotFormat {
		return Contents{}, fmt.Errorf("format is %d, want %d", file.Format, snapshotFormat)
	}
	if file.Checksum != checksum(file.Contents) {
		return Contents{}, fmt.Errorf("%w: the checksum differs", errDamaged)
	}
	var contents Contents
	if err := json.Unmarshal(file.Contents, &contents); err != nil {
		return Contents{}, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return contents, nil
}

func checksum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// writeFile replaces a file as a whole.
func writeFile(path string, content []byte) (err error) {
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp.Name()) // the first error is the one to tell
		}
	}()
	_, err = temp.Write(content)
	if err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err != nil {
		return err
	}
	if err = os.Rename(temp.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a rename in the folder last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
