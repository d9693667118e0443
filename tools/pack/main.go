// Command pack makes an image archive of a program that was built elsewhere, additional
// files, and the shared libraries of both: no registry, no daemon, no root. Tests on a
// cluster run such images. Do not use it for released images: unlike those of
// tools/images, these do not record what they contain.
package main

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// user is the unprivileged user of all images of the project.
const user = "65532:65532"

func main() {
	if err := run(os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

// options are the command-line options.
type options struct {
	out        string
	tag        string
	root       string
	path       string
	stopSignal string
	program    string
	beside     []string
}

func run(args []string, stderr io.Writer) error {
	var o options
	flags := flag.NewFlagSet("pack", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: go run -C tools ./pack -o FILE.tar -tag NAME:TAG [flags] PROGRAM [FILE|FOLDER]...\n"+
			"The image starts PROGRAM as /bin/PROGRAM. Files and folders keep their paths.")
		flags.PrintDefaults()
	}
	flags.StringVar(&o.out, "o", "", "`file` to write")
	flags.StringVar(&o.tag, "tag", "", "`name:tag` of the image")
	flags.StringVar(&o.root, "root", "/", "`folder` to look for files and libraries in, before /")
	flags.StringVar(&o.path, "path", "", "`folders` for $PATH in the image")
	flags.StringVar(&o.stopSignal, "stop-signal", "", "`signal` that stops the program, if not SIGTERM")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if o.out == "" || o.tag == "" || flags.NArg() == 0 {
		return errors.New("-o, -tag and a program are required")
	}
	o.program, o.beside = flags.Arg(0), flags.Args()[1:]
	ref, err := name.NewTag(o.tag)
	if err != nil {
		return err
	}
	img, err := pack(o)
	if err != nil {
		return err
	}
	return tarball.WriteToFile(o.out, ref, img)
}

// pack returns an image that starts the program.
func pack(o options) (v1.Image, error) {
	machine, err := architecture(o.program)
	if err != nil {
		return nil, err
	}
	entrypoint := "/bin/" + filepath.Base(o.program)
	files := map[string]string{entrypoint: o.program}
	for _, name := range o.beside {
		if err := add(files, o.root, name); err != nil {
			return nil, err
		}
	}
	if err := addLibraries(files, o.root); err != nil {
		return nil, err
	}
	var content bytes.Buffer
	if err := archive(&content, files); err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content.Bytes())), nil })
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	cfg = cfg.DeepCopy()
	cfg.OS, cfg.Architecture = "linux", machine
	cfg.Config = v1.Config{User: user, WorkingDir: "/", Entrypoint: []string{entrypoint}, StopSignal: o.stopSignal}
	if o.path != "" {
		cfg.Config.Env = []string{"PATH=" + o.path}
	}
	return mutate.ConfigFile(img, cfg)
}

// add adds a file, or all files of a folder, under their paths in the image.
func add(files map[string]string, root, name string) error {
	if !filepath.IsAbs(name) {
		return fmt.Errorf("%s: want an absolute path, as in the image", name)
	}
	from := filepath.Join(root, name)
	if _, err := os.Stat(from); errors.Is(err, os.ErrNotExist) {
		from = name
	}
	return filepath.WalkDir(from, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		// Links to files are followed, links to folders are skipped.
		if info, err := os.Stat(path); e.IsDir() || err != nil || info.IsDir() {
			return err
		}
		files[name+path[len(from):]] = path
		return nil
	})
}

// addLibraries adds the shared libraries of all programs and libraries among the files.
func addLibraries(files map[string]string, root string) error {
	found := map[string]string{}
	for _, from := range files {
		libraries, err := shared(from, root)
		if err != nil {
			return err
		}
		for _, l := range libraries {
			name := l
			if rest, ok := strings.CutPrefix(l, filepath.Clean(root)+"/"); ok {
				name = "/" + rest
			}
			found[name] = l
		}
	}
	maps.Copy(files, found)
	return nil
}

// architecture returns Go's name of the architecture of a program.
func architecture(program string) (string, error) {
	file, err := elf.Open(program)
	if err != nil {
		return "", fmt.Errorf("%s is not a program for Linux: %w", program, err)
	}
	defer file.Close()
	switch file.Machine {
	case elf.EM_X86_64:
		return "amd64", nil
	case elf.EM_AARCH64:
		return "arm64", nil
	default:
		return "", fmt.Errorf("%s is for %s: want amd64 or arm64", program, file.Machine)
	}
}

var libraryLine = regexp.MustCompile(`(?m)(?:^|=>)\s*(/\S+) \(0x`)

// shared returns the libraries that a file is linked with, including the loader of a
// program. There are none for static programs and other files.
func shared(from, root string) (libraries []string, err error) {
	file, err := elf.Open(from)
	if _, foreign := errors.AsType[*elf.FormatError](err); foreign || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer file.Close()
	needed, err := file.ImportedLibraries()
	if err != nil || len(needed) == 0 {
		return nil, err
	}
	cmd := exec.Command("ldd", from) //nolint:gosec // the caller wants to run this program anyway
	if filepath.Clean(root) != "/" {
		var folders []string
		for _, pattern := range []string{"usr/lib/*-linux-gnu*", "lib/*-linux-gnu*"} {
			more, _ := filepath.Glob(filepath.Join(root, pattern)) // the patterns are valid
			folders = append(folders, more...)
		}
		cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+strings.Join(folders, ":"))
	}
	text, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("libraries of %s: %w\n%s", from, err, text)
	}
	for _, m := range libraryLine.FindAllSubmatch(text, -1) {
		libraries = append(libraries, string(m[1]))
	}
	if bytes.Contains(text, []byte("not found")) || len(libraries) < len(needed) {
		return nil, fmt.Errorf("libraries of %s: it needs %v, found %v", from, needed, libraries)
	}
	return libraries, nil
}

// users is /etc/passwd: some programs do not start if their user has no name.
const users = "nonroot:x:65532:65532:nonroot:/:/none\n"

// archive writes the files as a tar archive, under their paths in the image.
func archive(w io.Writer, files map[string]string) error {
	t := tar.NewWriter(w)
	write := func(name string, data []byte) error {
		h := &tar.Header{Name: name[1:], Mode: 0o555, Size: int64(len(data)), ModTime: time.Unix(0, 0), Typeflag: tar.TypeReg}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		_, err := t.Write(data)
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		data, err := os.ReadFile(files[name])
		if err != nil {
			return err
		}
		if err := write(name, data); err != nil {
			return err
		}
	}
	return errors.Join(write("/etc/passwd", []byte(users)), t.Close())
}
