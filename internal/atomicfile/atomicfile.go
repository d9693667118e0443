// Package atomicfile replaces whole files: a reader of the path sees the old
// content or the new one, never a part, also after a crash or a power cut.
package atomicfile

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Write replaces the file at path with what write writes to its writer, which is
// buffered. The file gets exactly the permission perm, whatever the umask. A
// symbolic link at path is replaced, not followed.
//
// On an error the old file stays and nothing else is left, with one exception: if
// only the folder could not be synced, path has the new content, which a power cut
// may still undo. Errors of write are returned as they are. Those of the file name path, not
// the temporary file that becomes it. Concurrent calls for one
// path are safe; the last to finish wins.
func Write(path string, perm fs.FileMode, write func(io.Writer) error) (err error) {
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	// In the same folder, as a rename does not cross file systems.
	temp, err := os.CreateTemp(dir, "."+name+".*")
	if err != nil {
		return naming(path, err)
	}
	renamed := false
	defer func() { // also when write panics
		if !renamed {
			_ = temp.Close() // it may be closed already
			err = errors.Join(err, naming(path, os.Remove(temp.Name())))
		}
	}()
	buffered := bufio.NewWriterSize(namedFile{temp, path}, 1<<16)
	if err := write(buffered); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	for _, finish := range []func() error{func() error { return temp.Chmod(perm) }, temp.Sync, temp.Close} {
		if err := finish(); err != nil {
			return naming(path, err)
		}
	}
	if err := os.Rename(temp.Name(), path); err != nil {
		return naming(path, err)
	}
	renamed = true
	return syncDir(dir)
}

// namedFile is a temporary file whose errors name the one that it becomes.
type namedFile struct {
	*os.File

	path string
}

func (f namedFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, naming(f.path, err)
}

// naming returns an error of a temporary file as one of the file at path.
func naming(path string, err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: failed.Op, Path: path, Err: failed.Err}
	}
	if failed, ok := errors.AsType[*os.LinkError](err); ok {
		return &fs.PathError{Op: failed.Op, Path: path, Err: failed.Err}
	}
	return err
}

// WriteFile replaces the file at path with data, as Write does.
func WriteFile(path string, data []byte, perm fs.FileMode) error {
	return Write(path, perm, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// syncDir makes a rename in the folder durable.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" { // cannot sync a folder
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
