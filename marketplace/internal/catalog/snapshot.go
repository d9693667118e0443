package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"bookstall/internal/atomicfile"
)

const (
	snapshotFormat = 1
	// snapshotFields grows with each field of a book that is added. The version of a
	// snapshot with fewer fields says nothing: the books are pulled again.
	snapshotFields  = 3
	maxSnapshotSize = 512 << 20 // bounds memory if the path names some other file
)

var errDamaged = errors.New("snapshot is damaged")

// snapshotFile is the JSON document of a snapshot. The checksum covers the bytes of
// contents as they are in the file.
type snapshotFile struct {
	Format   int             `json:"format"`
	Fields   int             `json:"fields"` // earlier versions do not know it
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
	whole, err := json.Marshal(snapshotFile{Format: snapshotFormat, Fields: snapshotFields, Checksum: checksum(raw), Contents: raw})
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	if err := atomicfile.WriteFile(path, whole, 0o600); err != nil {
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
	if file.Fields < snapshotFields {
		contents.Version = ""
	}
	return contents, nil
}

func checksum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
