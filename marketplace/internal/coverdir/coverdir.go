// Package coverdir has the pictures of covers that the owner of the shop keeps in a
// folder. It scales each once to the sizes that pages show, and keeps those on disk under
// the hash of the picture, so that browsers may keep them for ever.
package coverdir

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"bookstall/internal/atomicfile"
	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/catalog"
)

// Widths returns the widths to which pictures are scaled, ascending.
func Widths() []int { return []int{160, 320, 640} }

const (
	lookInterval = time.Minute
	maxBytes     = 10 << 20
	maxPixels    = 40_000_000
	// unusedFor is how long a scaled picture stays that no file of the folder has any more:
	// pages that browsers or other shops have may still show it.
	unusedFor = 24 * time.Hour
)

// Config sets up a Folder.
type Config struct {
	// Dir has the pictures, each named by the id or ISBN of its book: 7.jpg, A-0007.jpg,
	// 978-0-261-10221-7.png, 0261102214.webp.
	Dir string
	// Kept is the folder for what is scaled; "" for one that goes with the process.
	Kept string
	Log  logr.Logger
}

// Folder is a folder of covers. It is safe for concurrent use.
type Folder struct {
	Config
	temporary bool
	ctx       context.Context
	cancel    context.CancelFunc
	done      chan struct{}

	mu     sync.RWMutex
	byName map[string]string // hash of each picture, by what its file is named after; see nameOf
	seen   map[string]file   // by file name
}

// file is what is known of a file.
type file struct {
	size int64
	at   time.Time // of the last change
	hash string    // "" if it is unusable
}

// Open returns a folder, in which Run finds the pictures.
func Open(cfg Config) (*Folder, error) {
	if _, err := os.ReadDir(cfg.Dir); err != nil {
		return nil, fmt.Errorf("folder of covers: %w", err)
	}
	f := &Folder{Config: cfg, done: make(chan struct{}), byName: map[string]string{}, seen: map[string]file{}}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	if cfg.Kept != "" {
		if err := os.MkdirAll(cfg.Kept, 0o700); err != nil {
			return nil, fmt.Errorf("folder of scaled covers: %w", err)
		}
		return f, nil
	}
	var err error
	if f.Kept, err = os.MkdirTemp("", "bookstall-covers-"); err != nil {
		return nil, fmt.Errorf("folder of scaled covers: %w", err)
	}
	f.temporary = true
	return f, nil
}

// Run looks for new pictures, at once and then every minute, until Stop.
func (f *Folder) Run() error {
	defer close(f.done)
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for {
		if err := f.Look(); err != nil {
			f.Log.Error(err, "folder of covers unreadable")
		}
		select {
		case <-tick.C:
		case <-f.ctx.Done():
			return nil
		}
	}
}

// Stop ends Run, and removes what is kept for this process alone.
func (f *Folder) Stop(ctx context.Context) error {
	f.cancel()
	select {
	case <-f.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if f.temporary {
		return os.RemoveAll(f.Kept)
	}
	return nil
}

// Of returns the hash of a book's picture; ok is false if there is none. The nil Folder has
// none.
func (f *Folder) Of(b catalog.Book) (hash string, ok bool) {
	if f == nil {
		return "", false
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	if hash, ok = f.byName[strconv.FormatInt(b.ID, 10)]; ok {
		return hash, true
	}
	if hash, ok = f.byName[ownPrefix+b.ExternalID]; ok {
		return hash, true
	}
	number, ok := catalog.ISBN13(b.ISBN)
	if !ok {
		return "", false
	}
	hash, ok = f.byName[isbnPrefix+number]
	return hash, ok
}

// Picture returns a scaled picture, a JPEG. Its hash is one that Of has returned, here or
// in another shop; this one may not have it.
func (f *Folder) Picture(hash string, width int) ([]byte, error) {
	if len(hash) != hashSize || strings.Trim(hash, "0123456789abcdef") != "" || !slices.Contains(Widths(), width) {
		return nil, fs.ErrNotExist
	}
	return os.ReadFile(f.kept(hash, width))
}

func (f *Folder) kept(hash string, width int) string {
	return filepath.Join(f.Kept, hash+"-"+strconv.Itoa(width)+".jpg")
}

// Prefixes of what a file may be named after besides a number: an ISBN, and an id of the owner's.
const (
	isbnPrefix = "isbn "
	ownPrefix  = "own "
)

// namesOf returns what books a file may be for: a number or a text can be an id and an ISBN.
func namesOf(stem string) (names []string) {
	if id, err := strconv.ParseInt(stem, 10, 64); err == nil && id > 0 && strconv.FormatInt(id, 10) == stem {
		names = append(names, stem)
	}
	if number, ok := catalog.ISBN13(stem); ok {
		names = append(names, isbnPrefix+number)
	}
	if stem != "" {
		names = append(names, ownPrefix+stem)
	}
	return names
}

// Look brings what is known in step with the folder. Only one call may run at a time; Run
// makes them.
func (f *Folder) Look() error {
	entries, err := os.ReadDir(f.Dir) // in order of name
	if err != nil {
		return err
	}
	byName := map[string]string{}
	present := map[string]bool{}
	others, scaled := 0, 0
	for _, entry := range entries {
		if f.ctx.Err() != nil {
			return nil //nolint:nilerr // stopped, which is no failure
		}
		name := entry.Name()
		ext := filepath.Ext(name)
		names := namesOf(strings.TrimSuffix(name, ext))
		if strings.HasPrefix(name, ".") || entry.IsDir() {
			continue
		}
		if len(names) == 0 || !slices.Contains([]string{".jpg", ".jpeg", ".png", ".webp"}, strings.ToLower(ext)) {
			others++
			continue
		}
		present[name] = true
		one, isNew := f.file(name)
		if isNew && one.hash != "" {
			scaled++
		}
		for _, book := range names {
			if _, taken := byName[book]; !taken && one.hash != "" {
				byName[book] = one.hash
				f.mu.Lock() // a first look at many takes minutes
				f.byName[book] = one.hash
				f.mu.Unlock()
			}
		}
	}
	f.mu.Lock()
	f.byName = byName
	f.mu.Unlock()
	for name := range f.seen {
		if !present[name] {
			delete(f.seen, name)
		}
	}
	if scaled > 0 {
		debug.FreeOSMemory() // pictures take far more than the shop does
		f.Log.Info("covers found", "dir", f.Dir, "pictures", len(present), "new", scaled, "otherFiles", others)
	}
	return f.removeUnused(byName)
}

// file returns what is known of a file, and whether it has changed. A file that cannot be
// used is logged once.
func (f *Folder) file(name string) (one file, isNew bool) {
	path := filepath.Join(f.Dir, name)
	info, err := os.Stat(path) // volumes from ConfigMaps have links
	if err != nil {
		return file{}, false // removed since
	}
	one = file{size: info.Size(), at: info.ModTime()}
	if before, known := f.seen[name]; known && before.size == one.size && before.at.Equal(one.at) {
		return before, false
	}
	one.hash, err = f.add(path, info)
	if err != nil {
		telemetry.Warn(f.Log, "cover cannot be used: the shop draws one", "file", path, "error", err.Error())
	}
	if err == nil || errors.Is(err, errUnusable) { // a full disk passes
		f.seen[name] = one
	}
	return one, true
}

// errUnusable: another look at the same file would find the same fault.
var errUnusable = errors.New("unusable")

// add scales a picture, unless that is done, and returns its hash.
func (f *Folder) add(path string, info fs.FileInfo) (hash string, err error) {
	switch {
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%w: it is not a file", errUnusable)
	case info.Size() > maxBytes:
		return "", fmt.Errorf("%w: it has %d bytes, at most %d are allowed", errUnusable, info.Size(), maxBytes)
	}
	content, err := readAtMost(path, maxBytes)
	if err != nil {
		return "", err
	}
	hash = hashOf(content)
	done := true
	for _, width := range Widths() {
		if _, err := os.Stat(f.kept(hash, width)); err != nil {
			done = false
		}
	}
	if done {
		return hash, nil
	}
	pictures, err := scale(content, memory())
	if err != nil {
		return "", fmt.Errorf("%w: %w", errUnusable, err)
	}
	for i, width := range Widths() {
		if err := atomicfile.WriteFile(f.kept(hash, width), pictures[i], 0o600); err != nil {
			return "", err
		}
	}
	return hash, nil
}

// memory returns how much a picture may take while it is scaled: a third of GOMEMLIMIT.
func memory() int64 {
	const most = 256 << 20
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		return min(limit/3, most)
	}
	return most
}

// removeUnused removes scaled pictures that no file of the folder has had for a while.
func (f *Folder) removeUnused(byName map[string]string) error {
	used := map[string]bool{}
	for _, hash := range byName {
		used[hash] = true
	}
	kept, err := os.ReadDir(f.Kept)
	if err != nil {
		return err
	}
	for _, entry := range kept {
		hash, _, _ := strings.Cut(entry.Name(), "-")
		if _, err := hex.DecodeString(hash); err != nil || len(hash) != hashSize || used[hash] {
			continue
		}
		path := filepath.Join(f.Kept, entry.Name())
		info, err := entry.Info()
		if err != nil || time.Since(info.ModTime()) < unusedFor {
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
